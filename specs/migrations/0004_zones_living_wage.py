import django.core.validators
import specs.models.project
from decimal import Decimal
from django.db import migrations, models

from specs.models.migrating import Together


class Migration(migrations.Migration):

    dependencies = [
        ("specs", "0003_proposals_pictures_trials"),
    ]

    operations = [
        Together([
            migrations.RemoveConstraint(
                model_name='project',
                name='project_settings_are_sensible',
            ),
        ]),
        Together([
            migrations.AddField(
                model_name='project',
                name='living_wage',
                field=models.DecimalField(decimal_places=2, default=Decimal('0'), max_digits=8, validators=[django.core.validators.MinValueValidator(Decimal('0'))]),
            ),
            migrations.AddField(
                model_name='project',
                name='time_zone',
                field=models.CharField(default='UTC', max_length=64, validators=[specs.models.project.known_zone]),
            ),
        ]),
        Together([
            migrations.AddConstraint(
                model_name='project',
                constraint=models.CheckConstraint(condition=models.Q(('approvals__gte', 0), ('gate_disagreement__gte', 0), ('gate_disagreement__lte', 1), ('gate_items__gte', 1), ('hourly_rate__gte', 0), ('living_wage__gte', 0)), name='project_settings_are_sensible'),
            ),
        ]),
    ]

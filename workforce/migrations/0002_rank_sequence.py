"""The order in which returned and added slots come up again: a sequence, so that no clock has to be trusted."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("workforce", "0001_initial")]
    operations = [migrations.RunSQL("CREATE SEQUENCE workforce_rank AS bigint", "DROP SEQUENCE workforce_rank")]

from workforce.models.assignments import Assignment, Lease, SlotState
from workforce.models.degradations import Degradation, Measure
from workforce.models.gold import (
    Feedback,
    GoldState,
    Judgement,
    KnownAnswer,
    Probe,
    SetAside,
)
from workforce.models.holds import Hold, HoldOutcome, Recall
from workforce.models.items import (
    Item,
    ItemClause,
    Load,
    Prediction,
)
from workforce.models.operations import QueueGauge, QueueHour
from workforce.models.overlaps import ClauseOverlap, OverlapPlan
from workforce.models.pay import Rate, RateBasis, Work
from workforce.models.people import (
    Annotator,
    AnnotatorKind,
    AnnotatorState,
    Cohort,
    CohortMembership,
    DayAway,
)
from workforce.models.queues import (
    Citing,
    Enrolment,
    Entry,
    InProgress,
    Order,
    OverlapPolicy,
    Purpose,
    Queue,
    QueueState,
    QuizFailure,
    Rule,
)
from workforce.models.skills import AnnotatorSkill, Skill
from workforce.models.skips import Skip, SkipNote, SkipReason
from workforce.models.tasks import (
    Barred,
    OverlapBasis,
    Task,
    TaskPurpose,
    TaskState,
)
from workforce.models.trials import (
    Canary,
    CanaryState,
    QuizAttempt,
    QuizLeave,
    QuizScope,
    QuizState,
)

__all__ = [
    "Annotator",
    "AnnotatorKind",
    "AnnotatorSkill",
    "AnnotatorState",
    "Assignment",
    "Barred",
    "Canary",
    "CanaryState",
    "Citing",
    "ClauseOverlap",
    "Cohort",
    "CohortMembership",
    "DayAway",
    "Degradation",
    "Enrolment",
    "Entry",
    "Feedback",
    "GoldState",
    "Hold",
    "HoldOutcome",
    "InProgress",
    "Item",
    "ItemClause",
    "Judgement",
    "KnownAnswer",
    "Lease",
    "Load",
    "Measure",
    "Order",
    "OverlapBasis",
    "OverlapPlan",
    "OverlapPolicy",
    "Prediction",
    "Probe",
    "Purpose",
    "Queue",
    "QueueGauge",
    "QueueHour",
    "QueueState",
    "QuizAttempt",
    "QuizFailure",
    "QuizLeave",
    "QuizScope",
    "QuizState",
    "Rate",
    "RateBasis",
    "Recall",
    "Rule",
    "SetAside",
    "Skill",
    "Skip",
    "SkipNote",
    "SkipReason",
    "SlotState",
    "Task",
    "TaskPurpose",
    "TaskState",
    "Work",
]

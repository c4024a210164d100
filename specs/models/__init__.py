from specs.models.deliveries import Delivery, DeliveryState, Subscriber
from specs.models.equivalence import Equivalence, EquivalenceState
from specs.models.jobs import Job, JobState, RequestCount, StoredReply
from specs.models.ledger import Event, LedgerEntry, Seal
from specs.models.precedents import PrecedentSet
from specs.models.preferences import Preferences
from specs.models.project import ApiToken, GateRule, Member, MemberState, Project, Role
from specs.models.review import Approval, Comment, Picture, Proposal, ProposalState, Verdict
from specs.models.sessions import Session
from specs.models.spec import (
    Acknowledgement,
    ChangeClass,
    Clause,
    ClauseLineage,
    ClauseRevision,
    DraftClause,
    Lineage,
    Spec,
    SpecVersion,
    VersionClause,
    VersionState,
)
from specs.models.standing import Appeal, AppealState, AppealText, Ending, Suspension, SuspensionEnd

__all__ = [
    "Acknowledgement",
    "ApiToken",
    "Appeal",
    "AppealState",
    "AppealText",
    "Approval",
    "ChangeClass",
    "Clause",
    "ClauseLineage",
    "ClauseRevision",
    "Comment",
    "Delivery",
    "DeliveryState",
    "DraftClause",
    "Ending",
    "Equivalence",
    "EquivalenceState",
    "Event",
    "GateRule",
    "Job",
    "JobState",
    "LedgerEntry",
    "Lineage",
    "Member",
    "MemberState",
    "Picture",
    "PrecedentSet",
    "Preferences",
    "Project",
    "Proposal",
    "ProposalState",
    "RequestCount",
    "Role",
    "Seal",
    "Session",
    "Spec",
    "SpecVersion",
    "StoredReply",
    "Subscriber",
    "Suspension",
    "SuspensionEnd",
    "Verdict",
    "VersionClause",
    "VersionState",
]

from specs.models.jobs import Job, JobState, OutboxMessage, StoredReply
from specs.models.ledger import Event, LedgerEntry, Seal
from specs.models.project import ApiToken, Member, MemberState, Project, Role
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

__all__ = [
    "Acknowledgement",
    "ApiToken",
    "ChangeClass",
    "Clause",
    "ClauseLineage",
    "ClauseRevision",
    "DraftClause",
    "Event",
    "Job",
    "JobState",
    "LedgerEntry",
    "Lineage",
    "Member",
    "MemberState",
    "OutboxMessage",
    "Project",
    "Role",
    "Seal",
    "Spec",
    "SpecVersion",
    "StoredReply",
    "VersionClause",
    "VersionState",
]

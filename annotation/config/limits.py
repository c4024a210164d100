"""Every limit of the product, each a setting with its variable. Counts, unless the name says otherwise."""

from __future__ import annotations

from annotation.config import env

# Requests
DATA_UPLOAD_MAX_MEMORY_SIZE = env.number("MAX_BODY_BYTES", 10 * 2**20, low=1024)
"""Bytes of a request's body that are read into memory; files are streamed and bounded by MAX_LOAD_BYTES."""
DATA_UPLOAD_MAX_NUMBER_FIELDS = env.number("MAX_FORM_FIELDS", 2000, low=10)
DATA_UPLOAD_MAX_NUMBER_FILES = env.number("MAX_FORM_FILES", 20, low=1)
MAX_LOAD_BYTES = env.number("MAX_LOAD_BYTES", 2**30, low=1024)
"""Bytes of one file of items or labels, unpacked."""
MAX_JSON_DEPTH = env.number("MAX_JSON_DEPTH", 64, low=4, high=500)
PAGE_SIZE = env.number("PAGE_SIZE", 50, low=1, high=1000)
MAX_PAGE_SIZE = env.number("MAX_PAGE_SIZE", 1000, low=1, high=100_000)

# Specs
MAX_CLAUSES = env.number("MAX_CLAUSES", 1000, low=1)
MAX_QUESTIONS = env.number("MAX_QUESTIONS", 50, low=1)
MAX_LABELS = env.number("MAX_LABELS", 500, low=2)
MAX_BLOCK_CHARACTERS = env.number("MAX_BLOCK_CHARACTERS", 20_000, low=100)
MAX_BLOCKS = env.number("MAX_BLOCKS", 200, low=5)
"""Blocks of one clause."""
MAX_COMMENT_CHARACTERS = env.number("MAX_COMMENT_CHARACTERS", 5000, low=100)
MAX_PICTURE_BYTES = env.number("MAX_PICTURE_BYTES", 10 * 2**20, low=1024)
MAX_PICTURE_PIXELS = env.number("MAX_PICTURE_PIXELS", 25_000_000, low=10_000)
MAX_PRECEDENTS = env.number("MAX_PRECEDENTS", 500, low=1)
"""Precedents shown under one version."""
MAX_PRECEDENT_CHARACTERS = env.number("MAX_PRECEDENT_CHARACTERS", 2000, low=100)
PRECEDENTS_WITHHELD_PERCENT = env.number("PRECEDENTS_WITHHELD_PERCENT", 10, low=0, high=50)
"""Share of the items before which no precedent is shown, as before those with known answers, so that this tells nothing."""
PREDICTIONS_WITHHELD_PERCENT = env.number("PREDICTIONS_WITHHELD_PERCENT", 10, low=1, high=50)
"""Share of the tasks before which a queue that shows predictions shows none: gold has none, and must not be told by that."""
MAX_DOCUMENT_BYTES = env.number("MAX_DOCUMENT_BYTES", 20 * 2**20, low=1024)
"""Bytes of a guideline or a spec file that is imported."""
DOCUMENT_BYTES_AT_ONCE = env.number("DOCUMENT_BYTES_AT_ONCE", 8 * 2**10, low=0)
"""A document up to this size is read while somebody waits; a larger one, and every Word file, in a job."""
DOCUMENT_SECONDS = env.seconds("DOCUMENT_SECONDS", 300, low=5, high=3600)
DOCUMENT_MEMORY_BYTES = env.number("DOCUMENT_MEMORY_BYTES", 2 * 2**30, low=256 * 2**20)
"""What reading one document in a job may take."""

# Work
MAX_ITEM_BYTES = env.number("MAX_ITEM_BYTES", 2**20, low=100)
ITEM_SEARCHED_BYTES = env.number("ITEM_SEARCHED_BYTES", 200_000, low=1000, high=250_000)
"""Bytes of an item whose words are found; of a longer one a quarter of so many characters."""
ITEM_FACET_FIELDS = env.number("ITEM_FACET_FIELDS", 50, low=0, high=1000)
"""Fields of an item, with a short value, that the item browser can be narrowed by."""
COUNTED_ITEMS = env.number("COUNTED_ITEMS", 10_000, low=100, high=1_000_000)
"""Items that were found are counted up to here; beyond it a page says that there are more."""
ITEM_SNAPSHOTS = env.number("ITEM_SNAPSHOTS", 10, low=1, high=1000)
"""Snapshots, the newest, that an item is looked up in."""
MAX_SAVED_FILTERS = env.number("MAX_SAVED_FILTERS", 100, low=1)
"""Filters of the item browser that one member keeps."""
MAX_TAGS = env.number("MAX_TAGS", 500, low=1)
"""Tags of a project."""
MAX_BULK_ITEMS = env.number("MAX_BULK_ITEMS", 100_000, low=1, high=1_000_000)
"""Items that one bulk change takes in."""
BULK_AT_ONCE = env.number("BULK_AT_ONCE", 200, low=0)
"""Items of a bulk change that is done while somebody waits; of more, a job does it."""
BULK_CHUNK = env.number("BULK_CHUNK", 200, low=1, high=5000)
"""Items of a bulk change that are done in one transaction."""
MAX_WITHDRAWN_ITEMS = env.number("MAX_WITHDRAWN_ITEMS", 1000, low=1, high=5000)
"""Keys of items that one request withdraws; more of them are a file to load."""
MAX_MEDIA_BYTES = env.number("MAX_MEDIA_BYTES", 50 * 2**20, low=1024)
"""Bytes of one picture or sound that items show; of a picture MAX_PICTURE_PIXELS bounds the pixels as well."""
MAX_MEDIA_FILES = env.number("MAX_MEDIA_FILES", 10_000, low=1)
"""Files of one ZIP of media; together they unpack to MAX_LOAD_BYTES at the most."""
MAX_REPORTED_PROBLEMS = env.number("MAX_REPORTED_PROBLEMS", 1000, low=1)
"""Bad rows of a load that are reported one by one; further ones are only counted."""
LOAD_AT_ONCE = env.number("LOAD_AT_ONCE", 2 * 2**20, low=0)
"""Bytes of a file of items that is loaded while somebody waits; larger ones become a job."""
LOAD_CONNECTIONS = env.number("LOAD_CONNECTIONS", 2, low=1, high=16)
"""Connections over which a large load is activated."""
NEAR_LIKENESS = env.number("NEAR_LIKENESS_PERCENT", 80, low=10, high=100) / 100
"""From which likeness on two items are nearly the same: the share of their shingles that they have in common."""
MAX_COMPARED_ITEMS = env.number("MAX_COMPARED_ITEMS", 200_000, low=0)
"""Known items, the newest, that a load is compared with when near-duplicates are asked for."""
MAX_REPORTED_TWINS = env.number("MAX_REPORTED_TWINS", 10_000, low=1)
"""Pairs that a load keeps one by one; further ones are only counted."""
MAX_DIRECTIONS = env.number("MAX_DIRECTIONS", 100, low=1)
"""Rules of one queue that send loaded items elsewhere."""
STAGED_KEPT_FOR = env.seconds("STAGED_KEPT_FOR_SECONDS", 7 * 86_400, low=60)
"""How long a stopped load keeps what it has read, so that it can be taken up."""
SIGNALS_ENDED_AT_ONCE = env.number("SIGNALS_ENDED_AT_ONCE", 2000, low=1)
"""Signals from production whose time is over that one look ends."""
SIGNALS_LOOKED_AT = env.number("SIGNALS_LOOKED_AT", 50_000, low=100)
"""Signals of a project, the newest, that freshness is reckoned from."""
SIGNALS_LOOKED_BACK = env.seconds("SIGNALS_LOOKED_BACK_SECONDS", 30 * 86_400, low=3600)
"""How far back the freshness of signals is reckoned."""
ENTRY_CLEARED_FOR_SECONDS = env.number("ENTRY_CLEARED_FOR_SECONDS", 600, low=1)
"""How long a claim relies on what was looked at about its annotator; whatever changes of it counts at once all the same."""
EXPIRED_PER_CLAIM = env.number("EXPIRED_PER_CLAIM", 20, low=1)
"""Expired leases that one claim returns to the queue, so that no claim pays for everybody's."""
MAX_GOLD_ROWS = env.number("MAX_GOLD_ROWS", 100_000, low=1)
"""Rows of one file of known answers."""
GOLD_POOL = env.number("GOLD_POOL", 500, low=20, high=10_000)
"""Known answers that one draw looks at: a random stretch of the pool, balanced over labels and clauses within it."""
GOLD_AGAIN_AFTER = env.seconds("GOLD_AGAIN_AFTER_SECONDS", 600, low=0, high=86_400)
"""How long no gold is looked for after none was left for an annotator."""
GOLD_SKILLED_PERCENT = env.number("GOLD_SKILLED_PERCENT", 80, low=1, high=100)
"""Accuracy on gold from which an annotator counts as skilled when the health of a known answer is judged."""
HOLD_OFFERED_FIRST_FOR = env.seconds("HOLD_OFFERED_FIRST_FOR_SECONDS", 86_400, low=60)
"""How long a task that waited for an answer is kept for who asked, before it is open to all."""
REORDERED_AT_ONCE = env.number("REORDERED_AT_ONCE", 20_000, low=0, high=1_000_000)
"""Open tasks of a queue that get another place while one waits; where there are more, a job does it."""
REORDER_CHUNK = env.number("REORDER_CHUNK", 5000, low=1, high=100_000)
"""Tasks that get another place in one transaction."""
ARRIVALS_KEPT_FOR = env.seconds("ARRIVALS_KEPT_FOR_SECONDS", 86_400, low=60)
"""How long it is known where work came in; who claims after more than that looks from the start."""
MAX_CLAIMED_AT_ONCE = env.number("MAX_CLAIMED_AT_ONCE", 100, low=1, high=10_000)
"""Tasks that one claim by REST leases; never more than the queue lets one hold."""
MAX_SUBMITTED_AT_ONCE = env.number("MAX_SUBMITTED_AT_ONCE", 100, low=1, high=10_000)
"""Answers that one request by REST submits, each in a transaction of its own."""
MAX_ASSIGNED_AT_ONCE = env.number("MAX_ASSIGNED_AT_ONCE", 1000, low=1, high=100_000)
"""Tasks that are given to one person by name in one step."""
MAX_REVIEW_STAGES = env.number("MAX_REVIEW_STAGES", 5, low=1, high=50)
"""Review stages of a queue that take answers at a time."""
REVIEW_ROUNDS = env.number("REVIEW_ROUNDS", 2, low=1, high=20)
"""How often one stage returns an answer; what would be returned once more becomes a dispute."""
REWORK_DAYS = env.number("REWORK_DAYS", 7, low=1, high=366)
"""Days that an annotator has for an answer that was returned; then it becomes a dispute."""
SENSITIVE_PER_HOUR = env.number("SENSITIVE_PER_HOUR", 60, low=1)
"""Sensitive items that one person is served within an hour, in all projects together."""
SENSITIVE_MINUTES_PER_DAY = env.number("SENSITIVE_MINUTES_PER_DAY", 240, low=1, high=1440)
"""Minutes that one person looks at sensitive items within 24 hours, in all projects together."""
SKIP_SHARE_FROM = env.number("SKIP_SHARE_FROM", 20, low=1)
"""Tasks of a day from which on the share of skips is judged: of three, one is a third and says nothing."""
MAX_PILOT_ITEMS = env.number("MAX_PILOT_ITEMS", 2000, low=1)
MAX_NOTE_CHARACTERS = env.number("MAX_NOTE_CHARACTERS", 2000, low=1)
DRAFTS_SHOWN = env.number("DRAFTS_SHOWN", 5, low=1, high=100)
"""Answers whose lease ended before they were given, that a queue's start page offers to take up again; the newest."""
ENDED_DRAFTS_KEPT_FOR = env.seconds("ENDED_DRAFTS_KEPT_FOR_SECONDS", 30 * 86_400, low=60)
"""How long a draft is kept for its author after its task has ended without it."""
LEASE_DURATION = env.seconds("LEASE_SECONDS", 1800, low=5, high=7 * 86_400)
"""How long a lease lasts on a queue that does not say otherwise."""

PAUSE_COUNTS_FROM = env.seconds("PAUSE_COUNTS_FROM_SECONDS", 300, low=1)
"""How long nothing is leased or answered until that counts as a pause."""
REST_HINT_AFTER = env.seconds("REST_HINT_AFTER_SECONDS", 1800, low=60)
"""Work without a pause after which the labelling page suggests one."""
PACE_FROM_ANSWERS = env.number("PACE_FROM_ANSWERS", 50, low=1, high=1000)
"""Of how many of her last answers of the day the labelling page tells an annotator the median time."""
# Operations
MAX_DEGRADATION = env.seconds("MAX_DEGRADATION_SECONDS", 14 * 86_400, low=60)
"""How long a declared degradation lasts at the most before it ends by itself."""
MAX_WIDENED = env.number("MAX_WIDENED", 500, low=1)
"""People that one use of a wider pool enrols."""
GAUGE_EVERY = env.seconds("GAUGE_EVERY_SECONDS", 30, low=1, high=86_400)
"""How often a queue is counted for the board at the most; a count never takes more than a fiftieth of the time."""
COUNTED_ON_THE_PAGE = env.number("COUNTED_ON_THE_PAGE", 20_000, low=0)
"""Waiting slots up to which a page counts a queue itself when no job has yet."""
FORECAST_WINDOW_HOURS = env.number("FORECAST_WINDOW_HOURS", 168, low=2, high=24 * 60)

# Time and cost
IDLE_CAP = env.seconds("IDLE_CAP_SECONDS", 300, low=0, high=86_400)
"""How long a lease that just ran out counts as work after its last renewal; and the most that one quiz question counts."""
TIMED_BEFORE_PIECE_RATE = env.number("TIMED_BEFORE_PIECE_RATE", 20, low=1)
"""Timed answers to a spec (a pilot's count) without which no rate for an answer is set."""
COSTED_AT_ONCE = env.number("COSTED_AT_ONCE", 200_000, low=1)
"""Leases whose cost is reckoned while somebody waits."""
MAX_TIMESHEET_DAYS = env.number("MAX_TIMESHEET_DAYS", 92, low=1, high=3660)
# People
PATH_SLOW_DAYS = env.number("PATH_SLOW_DAYS", 7, low=1, high=366)
"""Days in one stage of a newcomer's path after which the page of the path marks it."""
JUDGED_ANSWERS = env.number("JUDGED_ANSWERS", 1000, low=50, high=100_000)
"""The newest answers of one annotator that figures about her rest on."""
JUDGED_MINIMUM = env.number("JUDGED_MINIMUM", 10, low=1)
"""Below so many judged answers a figure about a person is not said."""
SAME_CLAUSE_ALARMS = env.number("SAME_CLAUSE_ALARMS", 3, low=2)
"""Annotators that a rule finds at once under one clause from which on the clause is suspected, not they."""
CLAUSE_FLAG_ITEMS = env.number("CLAUSE_FLAG_ITEMS", 30, low=1)
"""Items that a clause is measured on before it can be flagged."""
CLAUSE_FLAG_EXCESS_PERCENT = env.number("CLAUSE_FLAG_EXCESS_PERCENT", 5, low=0, high=100)
"""Points by which the lower bound of a clause's disagreement lies above the other clauses before it stands out."""
DRIFT_ALERT_DAYS = env.number("DRIFT_ALERT_DAYS", 7, low=1, high=366)
"""How long ago an alarm on somebody's errors was that still is one."""
CLAUSE_OVERLAP_PERCENT = env.number("CLAUSE_OVERLAP_PERCENT", 33, low=1, high=100)
"""How much of a clause's items another clause decides as well from which on the two are said to overlap."""
CLAUSE_RARE_PERCENT = env.number("CLAUSE_RARE_PERCENT", 1, low=0, high=100)
"""A clause on a smaller share of a spec's items, and on too few to say anything, is called rarely used."""
SLICE_ITEMS = env.number("SLICE_ITEMS", 10, low=2)
"""Items with two answers in a part of the answers, or beside a model, below which a figure is not said."""
SLICE_PARTS = env.number("SLICE_PARTS", 40, low=2, high=500)
"""Parts that answers are cut into at the most: the largest, and the others as one."""
MODEL_ITEMS_AT_ONCE = env.number("MODEL_ITEMS_AT_ONCE", 20_000, low=100)
"""Items on which a page compares a model with people; of more it takes a random sample."""
RELABEL_CONFUSED_TASKS = env.number("RELABEL_CONFUSED_TASKS", 2, low=1)
"""Tasks on which two labels met from which on they are confused: one may become the other where a clause leaves out less."""
RELABEL_SAMPLE_TASKS = env.number("RELABEL_SAMPLE_TASKS", 300, low=1, high=10_000)
"""Tasks in the blind sample of labels that would be carried, at the most; then a person decides."""
RELABEL_SAMPLE_WAVE = env.number("RELABEL_SAMPLE_WAVE", 20, low=1, high=1000)
"""Tasks that such a sample grows by at a time."""
RELABEL_FLIPS_PERCENT = env.number("RELABEL_FLIPS_PERCENT", 5, low=1, high=99)
"""The share of such labels that may have flipped unseen, unless a plan names another one."""
CASE_PACK_ITEMS = env.number("CASE_PACK_ITEMS", 20, low=2, high=200)
"""Tasks in the case pack of a clause issue, two that nobody disputes among them."""
ISSUE_RULINGS = env.number("ISSUE_RULINGS", 3, low=1, high=1000)
"""Rulings that blame a clause from which on an issue is opened on it."""
ISSUE_CASES = env.number("ISSUE_CASES", 3, low=1, high=100)
"""Cases below which an issue that nobody opened by hand is parked until there are as many."""
ISSUE_DUE_DAYS = env.number("ISSUE_DUE_DAYS", 14, low=1, high=366)
"""Days within which a clause issue is to be resolved, unless its owner names another day."""
SESSION_SEATS = env.number("SESSION_SEATS", 30, low=2, high=500)
"""People in one alignment session at the most."""

# Record
APPEAL_DAYS = env.number("APPEAL_DAYS", 5, low=1, high=366)
"""Days within which an annotator can appeal against a ruling, a mark or a return."""
COUNTED_DISPUTES = env.number("COUNTED_DISPUTES", 1000, low=1, high=1_000_000)
"""Open disputes are counted up to here; beyond it a page says that there are more."""
MAX_ALIKE = env.number("MAX_ALIKE", 50, low=1, high=1000)
"""Disputes that one ruling is repeated on at a time."""
ESCALATED_DAYS = env.number("ESCALATED_DAYS", 3, low=1, high=366)
"""Days for which a dispute is kept for the person it was passed on to; then any lead of its queue may take it."""
QUICK_PERCENT = env.number("QUICK_PERCENT", 25, low=0, high=100)
"""Of the time that others took for an item: below it an answer is marked as quick for whoever decides a dispute of it."""
ANCHORING_MINIMUM = env.number("ANCHORING_MINIMUM", 30, low=2)
"""Answers in each arm of an experiment with predictions below which no difference is said."""
ANCHORING_ALERT_PERCENT = env.number("ANCHORING_ALERT_PERCENT", 5, low=0, high=100)
"""Points by which those who see a prediction agree with it more often from which on that is an alert."""
LEANING_ANSWERS = env.number("LEANING_ANSWERS", 200, low=30, high=10_000)
"""The newest answers in sight of a prediction that are held against as many before them."""
MEASURED_AT_ONCE = env.number("MEASURED_AT_ONCE", 200_000, low=0)
"""Answers that a page measures while somebody waits; beyond, it shows the newest report."""
SKILL_ANSWERS = env.number("SKILL_ANSWERS", 1_000_000, low=1000)
"""The newest answers to a question that annotators' skills are learnt from."""
OVERLAP_CHUNK = env.number("OVERLAP_CHUNK", 2000, low=1, high=100_000)
"""Tasks under way whose overlap is changed in one transaction."""
SIMULATED_TASKS = env.number("SIMULATED_TASKS", 20_000, low=100)
"""The newest tasks of a queue that the preview of a rule of overlap is made from."""
BOOTSTRAP_RESAMPLES = env.number("BOOTSTRAP_RESAMPLES", 1000, low=100, high=100_000)
SNAPSHOT_PART_ROWS = env.number("SNAPSHOT_PART_ROWS", 100_000, low=10)
"""Items of one part of a snapshot: what one worker writes in one transaction. A larger one has several files of each form."""
FEED_ROWS = env.number("FEED_ROWS", 1000, low=1, high=100_000)
"""Rows of a feed that a stream reads at a time."""
SNAPSHOTS_PER_DAY = env.number("SNAPSHOTS_PER_DAY", 200, low=1)
"""Snapshots that one member asks for within 24 hours."""
SNAPSHOT_HELPERS = env.number("SNAPSHOT_HELPERS", 4, low=0, high=64)
"""Further workers that are told of a snapshot with several parts."""
CONTRASTED_AT_ONCE = env.number("CONTRASTED_AT_ONCE", 20_000, low=0)
"""Rows of two snapshots together up to which they are compared while somebody waits; beyond, in a job."""
CONTRAST_EXAMPLES = env.number("CONTRAST_EXAMPLES", 200, low=0, high=10_000)
"""Keys and changed labels that a comparison of snapshots names one by one; further ones are only counted."""
MAX_RUN_METRICS = env.number("MAX_RUN_METRICS", 100, low=1)
SNAPSHOT_ITEM_COLUMNS = env.number("SNAPSHOT_ITEM_COLUMNS", 100, low=0, high=1000)
"""Fields of items up to which each is a column of a snapshot's tables; beyond, they are one column of JSON."""
LEDGER_SEAL_BATCH = env.number("LEDGER_SEAL_BATCH", 5000, low=1, high=100_000)
REPLIES_KEPT_FOR = env.seconds("REPLIES_KEPT_FOR_SECONDS", 3 * 86_400, low=60)
"""How long a stored reply answers a repeated idempotency key."""

# Outside
OUTBOUND_HTTP = env.flag("OUTBOUND_HTTP", False)
"""Whether this house sends HTTP requests to addresses that its users name (webhooks)."""
OUTBOUND_SCHEMES = env.names("OUTBOUND_SCHEMES", "https")
OUTBOUND_PORTS = [int(port) for port in env.names("OUTBOUND_PORTS", "443")]
OUTBOUND_NETWORKS = env.names("OUTBOUND_NETWORKS")
"""Networks (CIDR) that may be asked although they are not global, such as 10.1.0.0/16."""
OUTBOUND_SECONDS = env.number("OUTBOUND_SECONDS", 10, low=1, high=120)
OUTBOUND_ANSWER_BYTES = env.number("OUTBOUND_ANSWER_BYTES", 2**20, low=0)
STORE_SECONDS = env.number("STORE_SECONDS", 20, low=1, high=600)
"""How long a bucket may take to answer; it is asked three times."""
MAX_SUBSCRIBERS = env.number("MAX_SUBSCRIBERS", 20, low=1)
WEBHOOK_GIVEN_UP = env.number("WEBHOOK_GIVEN_UP", 5, low=1, high=1000)
"""Messages in a row that never arrived, after which a webhook ends by itself."""
MAX_REPLAYED = env.number("MAX_REPLAYED", 1000, low=1, high=100_000)
"""Deliveries that one request sends again."""
ANNOUNCED_EVERY = env.number("ANNOUNCED_EVERY", 100, low=1)
"""Newly settled tasks after which webhooks that want to know are told."""
MAX_DELIVERY_TRIES = env.number("MAX_DELIVERY_TRIES", 10, low=1, high=30)
ALERTS_BY_MAIL = env.flag("ALERTS_BY_MAIL", True)
RELABEL_FOLLOWED_MINUTES = env.number("RELABEL_FOLLOWED_MINUTES", 30, low=1, high=1440)
"""How long a transaction may take that ends a task under a meaning whose labels were carried, to be looked at still."""
SESSIONS_BY_MAIL = env.flag("SESSIONS_BY_MAIL", True)
"""Whether who is asked to an alignment session gets a mail; it stands in her inbox either way."""
ALERT_GOLD_DROP = env.number("ALERT_GOLD_DROP_PERCENT", 10, low=1, high=100)
"""How many points of a hundred the share of right gold answers has to fall for an alert."""

# Tokens
TOKEN_LIFE = env.seconds("TOKEN_LIFE_SECONDS", 90 * 86_400, low=60, high=90 * 86_400)
"""The longest life of an API token."""
TOKEN_TRUSTED_FOR = env.seconds("TOKEN_TRUSTED_SECONDS", 1, low=0, high=60)
"""How long a process takes a token that it looked up for what it was; so late may a revocation reach the other processes."""
TOKEN_REQUESTS_PER_MINUTE = env.number("TOKEN_REQUESTS_PER_MINUTE", 12_000, low=0)
"""Requests of the API by one token; 0: no limit."""
USER_REQUESTS_PER_MINUTE = env.number("USER_REQUESTS_PER_MINUTE", 24_000, low=0)
"""Requests of the API by one person with all her tokens, in all projects; 0: no limit."""

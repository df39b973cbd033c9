"""The contract of the decision's JSON: what dispatch software parses must not move by itself."""

from datetime import UTC, datetime
from pathlib import Path

from fenliu.decision import Candidate, DecidedType, Decision, RaisedFlag, Reason, Route
from serving.predict.log import Record
from serving.predict.service import answer_of

GOLDEN = Path(__file__).with_name("golden") / "decision.json"
DECISION = Decision(
    action="divert",
    owner="mediation_centre",
    owner_probability={"mediation_centre": 0.97, "police": 0.01, "outside": 0.02},
    type=DecidedType("0602", "工地欠薪纠纷", "06", "劳资纠纷", 0.91),
    candidates=(
        Candidate("0602", "工地欠薪纠纷", 0.91),
        Candidate("0304", "建设工程款纠纷", 0.04),
        Candidate("0601", "拖欠工资纠纷", 0.02),
    ),
    reasons=(Reason(3, 5, "工钱", 1.84),),
    red_flags=(RaisedFlag("police_clause", "疑似警情语句", "caution", 0, 2, "工头"),),
    review_reasons=("conflict_with_red_flag",),
    questions=("双方有没有动手？",),
    route=Route("人社局", "ordinary", 15),
    model_version="m-0123456789ab",
    policy_version="p-0123456789ab",
    taxonomy_version="2026.1",
)
RECORD = Record(
    decision_id="5f0c1b2a3d4e5f60718293a4b5c6d7e8",
    call_id="20261125-000123",
    text_sha256="0" * 64,
    decided_at=datetime(2026, 11, 25, 1, 30, 0, 120000, tzinfo=UTC),
    occurred_at=None,
    caller="甲",
    location="三号桥",
    text="工头欠工钱",
    action=DECISION.action,
    owner=DECISION.owner,
    type_code=DECISION.type.code,
    probability=DECISION.type.probability,
    model_version=DECISION.model_version,
    policy_version=DECISION.policy_version,
    body=DECISION.as_json().decode(),
    supersedes="00000000000000000000000000000001",
)


def test_the_answer_is_the_golden_file_byte_for_byte() -> None:
    """A change here breaks the promise of docs/api.md: it needs a new version of the API."""
    assert answer_of(RECORD) == GOLDEN.read_bytes().rstrip(b"\n")


def test_the_answer_holds_nothing_of_the_caller() -> None:
    answer = answer_of(RECORD).decode()
    assert "甲" not in answer
    assert "三号桥" not in answer

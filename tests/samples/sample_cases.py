"""How each sample is run in the tests: inputs, and what its people say."""

from dataclasses import dataclass, field
from typing import Any

Answer = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """One run of one sample."""

    sample: str
    workflow: str = "workflow"
    inputs: dict[str, Any] = field(default_factory=dict)
    answers: tuple[Answer, ...] = ()

    def __str__(self) -> str:
        given = ",".join(f"{key}={value}" for key, value in self.inputs.items())
        return f"{self.sample}:{self.workflow}({given})"


CHANGE: Answer = ("ApprovalGiven", {"decision": "change", "amount": 1900, "comment": "a cheaper one"})
APPROVE: Answer = ("ApprovalGiven", {"decision": "approve"})
REJECT: Answer = ("ApprovalGiven", {"decision": "reject", "comment": "not this year"})
SIGN: Answer = ("SignatureGiven", {"request": "PR-1007", "name": "M. Ferrer"})
NOT_YET: Answer = ("Feedback", {"solved": "no", "message": "it was charged last week, I want a refund"})
SOLVED: Answer = ("Feedback", {"solved": "yes"})
ACCEPT: Answer = ("DecisionMade", {"item": lambda question: question.item, "action": "accept"})
DECIDE: Answer = (
    "DecisionMade",
    {
        "item": lambda question: question.item,
        "action": lambda question: "waive" if question.severity == "high" else "accept",
    },
)

CASES = [
    Case("hello.py"),
    Case("hello.py", inputs={"name": "Ada", "language": "ja", "seed": 1}),
    Case("fan_out.py", inputs={"photos": 30}),
    Case("branch_loop.py"),
    Case("branch_loop.py", inputs={"good_enough": 100, "max_rounds": 12}),
    Case("retries.py", inputs={"cities": 6}),
    Case("approval.py", inputs={"amount": 480}, answers=(APPROVE,)),
    Case("approval.py", answers=(CHANGE, APPROVE, SIGN)),
    Case("approval.py", answers=(REJECT,)),
    Case("two_flows.py", "Forecast", {"city": "Faro"}),
    Case("two_flows.py", "Briefing"),
    Case("helpdesk/flow.py", inputs={"questions": 9}),
    Case("research.py"),
    Case("research.py", inputs={"style": "brief", "results_per_query": 8, "flaky_index": False}),
    Case("data_analysis.py"),
    Case("data_analysis.py", inputs={"strict": True, "top": 2, "min_revenue": 300}),
    Case("customer_service.py", answers=(NOT_YET, SOLVED)),
    Case("customer_service.py", inputs={"ticket": "T-999"}),
    Case("review.py", answers=(DECIDE,) * 8),
    Case("review.py", inputs={"ask_from": "never"}),
]

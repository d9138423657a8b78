"""What each sample comes to, and that both engines and every repetition agree on it."""

import logging
from typing import Any

import pytest
from runsample import ENGINES, Outcome, loaded, run
from sample_cases import ACCEPT, CASES, NOT_YET, SOLVED, Case

pytestmark = pytest.mark.filterwarnings("ignore:.*rows thrown away:UserWarning")


async def outcome_of(case: Case, engine: str = "native", **more: Any) -> Outcome:
    with loaded(case.sample, engine) as module:
        return await run(module, list(case.answers), case.workflow, **{**case.inputs, **more})


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_both_engines_and_every_repetition_give_the_same_result(case: Case) -> None:
    first = await outcome_of(case)
    assert first.result is not None
    for engine in ENGINES:
        again = await outcome_of(case, engine)
        assert again.result == first.result
        assert sorted(again.published) == sorted(first.published)


@pytest.mark.parametrize("sample", ["hello.py", "retries.py", "fan_out.py", "helpdesk/flow.py"])
async def test_another_seed_gives_another_result(sample: str) -> None:
    results = {str((await outcome_of(Case(sample), seed=seed)).result) for seed in range(6)}
    assert len(results) > 1


async def test_spoilt_photos_drop_out_of_the_album_which_is_in_order() -> None:
    pages = (await outcome_of(Case("fan_out.py", inputs={"photos": 40}))).result
    numbers = [int(page.split()[0]) for page in pages]
    assert numbers == sorted(numbers)
    assert 0 < len(numbers) < 40


async def test_an_empty_roll_still_gives_an_album() -> None:
    assert (await outcome_of(Case("fan_out.py", inputs={"photos": 0}))).result == []


async def test_the_loop_ends_when_the_slogan_is_good_enough() -> None:
    result = (await outcome_of(Case("branch_loop.py"))).result
    assert result["score"] >= 80
    assert 1 < result["rounds"] < 8


async def test_the_loop_gives_up_with_the_best_slogan_it_had() -> None:
    result = (await outcome_of(Case("branch_loop.py", inputs={"good_enough": 100, "max_rounds": 5}))).result
    assert result["rounds"] == 5
    assert 0 < result["score"] < 100


async def test_a_city_that_never_answers_gets_the_long_term_mean_after_three_attempts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        rows = (
            await outcome_of(Case("retries.py", inputs={"cities": 3, "failure_rate": 1.0, "seed": 3}))
        ).result
    assert {row["source"] for row in rows} == {"long-term mean"}
    assert max(row["attempts"] for row in rows) == 3
    assert "given up after 3 attempts" in caplog.text


async def test_without_recovery_the_run_fails_with_the_error_of_the_service() -> None:
    case = Case("retries.py", inputs={"cities": 1, "failure_rate": 1.0, "recover": False})
    with pytest.raises((ConnectionError, RuntimeError), match="Lisbon"):
        await outcome_of(case)


async def test_an_expensive_purchase_takes_a_second_signature() -> None:
    case = next(case for case in CASES if case.sample == "approval.py" and len(case.answers) == 3)
    outcome = await outcome_of(case)
    assert outcome.result["amount"] == 1900
    assert outcome.result["turns"] == 2
    assert outcome.result["signatures"] == ["budget owner", "M. Ferrer"]


async def test_research_goes_back_for_thin_evidence_and_names_its_sources() -> None:
    report = (await outcome_of(Case("research.py"))).result
    assert report["rounds"] == 2
    assert report["thin"] == []
    assert all(f"[{source}]" in report["markdown"] for source in report["sources"])


async def test_research_without_another_round_says_what_stayed_thin() -> None:
    report = (await outcome_of(Case("research.py", inputs={"max_rounds": 1}))).result
    assert report["rounds"] == 1
    assert report["thin"] == ["what does it cost"]


async def test_research_about_something_else_says_so() -> None:
    report = (await outcome_of(Case("research.py", inputs={"question": "Zygotes, quarks?"}))).result
    assert report["markdown"].count("The library does not say.") == 2


async def test_cleaning_warns_and_counts_what_it_threw_away() -> None:
    with pytest.warns(UserWarning, match="9 of 157 rows thrown away"):
        result = (await outcome_of(Case("data_analysis.py"))).result
    assert result["rows"] == 148
    assert len(result["charts"]) == 3


async def test_a_missing_file_is_named_with_what_there_is() -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.csv is not in data/; there is: sales\.csv"):
        await outcome_of(Case("data_analysis.py", inputs={"file": "none.csv"}))


async def test_no_article_is_shown_to_a_customer_twice() -> None:
    result = (await outcome_of(Case("customer_service.py", answers=(NOT_YET, NOT_YET, SOLVED)))).result
    assert result["status"] == "solved"
    assert len(set(result["shown"])) == 3


async def test_a_customer_nobody_can_help_is_handed_over() -> None:
    case = Case("customer_service.py", inputs={"max_turns": 2}, answers=(NOT_YET, NOT_YET))
    result = (await outcome_of(case)).result
    assert (result["status"], result["note"]) == ("handed over", "not solved after 2 answers")


async def test_the_classifier_knows_the_tickets_it_learned_from() -> None:
    with loaded("customer_service.py", "native") as module:
        wrong = [
            t["id"] for t in module.tickets().values() if module.intent_of(t["message"])[0] != t["intent"]
        ]
    assert wrong == []


async def test_each_finding_gets_its_own_decision_whatever_the_order() -> None:
    with loaded("review.py", "native") as module:
        handler = module.workflow.run(pace=0.0)
        questions = []
        async for event in handler.stream_events():
            if not isinstance(event, module.DecisionNeeded):
                continue
            questions.append(event)
            if len(questions) == 8:
                for question in reversed(questions):
                    text = f"call about {question.item}"
                    handler.ctx.send_event(module.DecisionMade(item=question.item, action="amend", text=text))
        report = await handler
    assert report.by_person == 8
    assert all(report.settled[question.item] == f"call about {question.item}" for question in questions)


async def test_clean_documents_are_reviewed_without_a_question() -> None:
    outcome = await outcome_of(Case("review.py", inputs={"document": "INV-2045"}))
    assert outcome.asked == []
    assert "Nothing found in: INV-2045." in outcome.result["markdown"]


async def test_a_single_document_can_be_reviewed() -> None:
    outcome = await outcome_of(Case("review.py", inputs={"document": "INV-2042"}, answers=(ACCEPT,)))
    assert outcome.result["settled"] == {"INV-2042/1": "pay 1176.00 and tell the supplier"}

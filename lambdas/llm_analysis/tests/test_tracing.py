"""The analysis of an assignment is a part of the trace that asked for it, up to the steps it publishes."""

from lambdas.llm_analysis.handler import answer
from lambdas.llm_analysis.tests.doubles import Harness, assignment_event, record
from shared.events.routes import LLM_ANALYSIS, TASK_CREATION
from shared.testing.collector import Collector
from shared.tracing.spans import flush_spans

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT_ID = "b7ad6b7169203331"


async def test_a_records_steps_are_published_in_its_own_trace(
    outline: Harness, collector: Collector
) -> None:
    asked = record(0, assignment_event())
    asked["messageAttributes"]["traceparent"] = {
        "dataType": "String",
        "stringValue": f"00-{TRACE_ID}-{PARENT_ID}-01",
    }
    unreadable = record(1, "no JSON")

    await answer(outline.function, {"Records": [asked, unreadable]})
    flush_spans(5)

    in_trace = {span.name: span for span in collector.spans if span.trace_id == TRACE_ID}
    work = in_trace[f"process {LLM_ANALYSIS.name}"]
    sent = in_trace[f"send {TASK_CREATION.name}"]
    assert (work.kind, work.parent_id, work.is_failed) == ("consumer", PARENT_ID, False)
    assert (sent.kind, sent.parent_id) == ("producer", work.span_id)
    (message,) = outline.sqs.messages(TASK_CREATION.name)
    told = message.attributes["traceparent"]["StringValue"]
    assert told.split("-")[1:3] == [TRACE_ID, sent.span_id]
    (failed,) = [span for span in collector.spans if span.is_failed and span.kind == "consumer"]
    assert (failed.parent_id, failed.attributes["error.type"]) == ("", "RecordMalformed")
    assert b"Scheduler lab" not in b"".join(collector.bodies)

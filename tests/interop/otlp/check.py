# SPDX-License-Identifier: MIT
"""Reads what `fairlead trace export` has made with OpenTelemetry's own definitions, and compares the two forms. Prints TAP.
   check.py FILE.pb FILE.json [PROTOC]"""
import json
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

rows = 0
failed = False


def row(ok, text):
    global rows, failed
    rows += 1
    failed = failed or not ok
    print(f"{'' if ok else 'not '}ok {rows} - {text}")


def any_value(value):
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [any_value(one) for one in value.array_value.values]
    return getattr(value, kind)


def any_json(value):
    (kind, inner), = value.items()
    if kind == "arrayValue":
        return [any_json(one) for one in inner["values"]]
    return int(inner) if kind == "intValue" else inner


def of_proto(span):
    return {"trace": span.trace_id.hex(), "span": span.span_id.hex(), "parent": span.parent_span_id.hex(), "name": span.name,
            "state": span.trace_state, "kind": span.kind, "start": span.start_time_unix_nano, "end": span.end_time_unix_nano,
            "flags": span.flags, "status": [span.status.code, span.status.message],
            "attributes": {one.key: any_value(one.value) for one in span.attributes}}


def of_json(span):
    status = span.get("status", {})
    return {"trace": span["traceId"], "span": span["spanId"], "parent": span.get("parentSpanId", ""), "name": span["name"],
            "state": span.get("traceState", ""), "kind": span["kind"], "start": int(span["startTimeUnixNano"]),
            "end": int(span["endTimeUnixNano"]), "flags": span["flags"],
            "status": [status.get("code", 0), status.get("message", "")],
            "attributes": {one["key"]: any_json(one["value"]) for one in span["attributes"]}}


def check_protoc(protoc, data):
    files = descriptor_pb2.FileDescriptorSet()
    for module in (common_pb2, resource_pb2, trace_pb2, trace_service_pb2):
        module.DESCRIPTOR.CopyToProto(files.file.add())
    with tempfile.NamedTemporaryFile() as definitions:
        definitions.write(files.SerializeToString())
        definitions.flush()
        done = subprocess.run([protoc, "--decode", "opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest",
                               "--descriptor_set_in", definitions.name], input=data, capture_output=True, check=False)
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    unknown = [line for line in lines if line.strip()[:1].isdigit()]
    row(done.returncode == 0 and any("spans {" in line for line in lines) and not unknown,
        f"protoc --decode reads it with the official definitions ({len(lines)} lines, {len(unknown)} unknown fields)")


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    with open(sys.argv[2], encoding="utf-8") as file:
        text = json.load(file)
    request = trace_service_pb2.ExportTraceServiceRequest.FromString(data)
    spans = [span for one in request.resource_spans for scope in one.scope_spans for span in scope.spans]
    theirs = [span for one in text["resourceSpans"] for scope in one["scopeSpans"] for span in scope["spans"]]
    row(len(spans) > 20, f"{len(spans)} spans are read")
    again = trace_service_pb2.ExportTraceServiceRequest.FromString(data)
    again.DiscardUnknownFields()
    row(again.SerializeToString() == request.SerializeToString(), "no field is unknown")
    row([of_proto(span) for span in spans] == [of_json(span) for span in theirs], "both forms say the same")
    ids = [span.span_id for span in spans]
    parents = {span.parent_span_id for span in spans if span.parent_span_id}
    row(len(set(ids)) == len(ids) and all(len(one) == 8 for one in ids), "each span has an id of its own, of 8 bytes")
    row(all(len(span.trace_id) == 16 for span in spans) and parents <= set(ids), "each parent is there")
    row(all(span.end_time_unix_nano >= span.start_time_unix_nano > 10**18 for span in spans), "no span ends before it begins")
    row(any(span.name == "chat scripted" and span.kind == 3 for span in spans), "a model call is a client's span")
    if len(sys.argv) > 3:
        check_protoc(sys.argv[3], data)
    else:
        row(True, "protoc --decode # SKIP protoc is not to be had here")
    print(f"1..{rows}")
    sys.exit(failed)


main()

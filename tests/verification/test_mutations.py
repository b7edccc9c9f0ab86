"""Every change of a bundle is caught, also by a forger who lists the files anew, or is harmless.

Harmless means: trust, metrics and identity come out as before, so nothing that is published of
the bundle has changed. Which changes may be is written down here, each with its reason.
"""

import copy
import io
import json
import re

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from cliqa.results import run_id

#: Place in a file -> why a change there changes no claim that is published as verified.
HARMLESS = {
    r"run\.json/(created|finished|source|device|last_normalization|peak_memory_mb|notes)(/.*)?": (
        "declared: shown as the submitter's word"
    ),
    r"run\.json/extra_data(/.*)?": "declared: compared when rescored",
    r"run\.json/(attempts|resumed|strict|processes|bf16_instructions)(/.*)?": (
        "declared: how the run went"
    ),
    r"run\.json/(evaluated_images|scoring/(?!precision).*)": "declared: how scoring was organised",
    r"run\.json/environment/(?!cliqa).*": "declared: the machine",
    r"run\.json/stage_seconds/\d+/(train|evaluate)_seconds": "declared: times",
    r"run\.json/cost/(train_seconds|train_cpu_seconds|evaluate_seconds|trained_images)": (
        "declared: times and counts of the training"
    ),
    r"run\.json/cost/(held_bytes|macs_per_image)(/.*)?": "declared: memory, operations",
    r"run\.json/cost/gates/[^/]+/(network_values|forwards_per_image|macs_per_image)": (
        "declared: operations"
    ),
    r"run\.json/parameters/heads/\d+/own_parameters": "declared: a part of counted values",
    r"run\.json/parameters/backbone|run\.json/cost/parameters/backbone": "counted when rescored",
    r"run\.json/data/[^/]+/info(/.*)?": "declared: citations and terms; not shown",
    r"run\.json/data/[^/]+/split/(left_out|files)": "declared: of divisions of one's own",
    r"run\.json/\+": "unknown keys are not read: a later cliqa may add some",
    r"run\.json/.*/\+": "unknown keys are not read",
    r"splits/[^/]+\.json/(train|val|test)": "a part is a set of images, in any order",
    r"train_log\.jsonl": "the log of the training is not evidence; checked for its form",
    r"(heads|weights|labels|predictions)\.parquet/order": "rows come in any order",
    r"(heads|weights|predictions)\.parquet/last digit": "within float32's rounding of the sum",
}


def leaves(value, path=()):
    """Every place in plain JSON values, containers included."""
    found = [path] if path else []
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            found += leaves(inner, (*path, key))
    return found


def changed(value):
    """Values that differ from one: of the same type and of others."""
    if isinstance(value, bool):
        return st.sampled_from([not value, None, "true"])
    if isinstance(value, int):
        numbers = [value + 1, value - 1, -value - 1, value * 2 + 1, 2**62, str(value)]
        return st.sampled_from([n for n in numbers if n != value])
    if isinstance(value, float):
        return st.sampled_from([value + 1e-6, value + 0.01, -value - 0.5, 1e300, None])
    if isinstance(value, str):
        return st.sampled_from([value + "x", value[::-1] + "y", "", None, 7, "‮" + value])
    if value is None:
        return st.sampled_from([0, 1.5, "text", []])
    if isinstance(value, list):
        return st.sampled_from([[*value, *value[:1], 1], value[1:], value[::-1], None, {}])
    return st.sampled_from([None, [], {}])


def replaced(top, path, value, *, delete=False):
    top = copy.deepcopy(top)
    holder = top
    for key in path[:-1]:
        holder = holder[key]
    if delete:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return top


@st.composite
def json_mutation(draw, name, top):
    """(place, new content) of one change in plain JSON values."""
    groups = sorted({str(p[0]) for p in leaves(top)})  # each part of the file alike
    group = draw(st.sampled_from(groups))
    path = draw(st.sampled_from([p for p in leaves(top) if str(p[0]) == group]))
    holder = top
    for key in path:
        holder = holder[key]
    if draw(st.integers(0, 5)) == 0:
        return f"{name}/{'/'.join(map(str, path))}", replaced(top, path, None, delete=True)
    if isinstance(holder, dict) and draw(st.booleans()):
        place = f"{name}/{'/'.join(map(str, path))}/+"
        return place, replaced(top, path, {**holder, "added": 1})
    value = draw(changed(holder))
    assume(value != holder or type(value) is not type(holder))
    return f"{name}/{'/'.join(map(str, path))}", replaced(top, path, value)


@st.composite
def table_mutation(draw, name, table):
    """(place, new table) of one change in a table."""
    kind = draw(st.sampled_from(["cell", "drop", "repeat", "swap", "nan", "rename", "type"]))
    row = draw(st.integers(0, len(table) - 1))
    column = draw(st.sampled_from(table.column_names))
    values = table[column].to_pylist()
    number = isinstance(values[row], float)
    place = f"{name}/{kind} {column} {row}"
    if kind == "cell":
        new = values[row] + draw(st.sampled_from([0.05, -3.0])) if number else values[row]
        new = new + 1 if isinstance(new, int) else f"{new}x" if isinstance(new, str) else new
        return place, with_column(table, column, replaced(values, (row,), new))
    if kind == "drop":
        return place, pa.concat_tables([table[:row], table[row + 1 :]])
    if kind == "repeat":
        return place, pa.concat_tables([table, table[row : row + 1]])
    if kind == "swap":
        other = draw(st.integers(0, len(table) - 1))
        value = table.column_names[-1]
        values = table[value].to_pylist()
        assume(abs(values[row] - values[other]) > 1e-3)
        values[row], values[other] = values[other], values[row]
        return place, with_column(table, value, values)
    if kind == "nan":
        value = table.column_names[-1]
        values = table[value].to_pylist()
        return place, with_column(table, value, replaced(values, (row,), float("nan")))
    if kind == "rename":
        return place, table.rename_columns(
            [f"{c}2" if c == column else c for c in table.column_names]
        )
    wider = pa.large_string() if pa.types.is_string(table[0].type) else pa.int64()
    return place, table.set_column(0, table.column_names[0], pc.cast(table[0], wider))


def with_column(table, name, values):
    place, field = table.column_names.index(name), table.schema.field(name)
    return table.set_column(place, field, pa.array(values, field.type))


def parquet(table):
    pq.write_table(table, sink := io.BytesIO())
    return sink.getvalue()


@st.composite
def mutation(draw, work):
    """(place, file, new content) of one change anywhere in a bundle."""
    name = draw(st.sampled_from(FILES))
    if name in TABLES:
        place, table = draw(table_mutation(name, pq.read_table(io.BytesIO(work.read(name)))))
        return place, name, parquet(table)
    if name == "config.yaml":
        place, value = draw(json_mutation(name, yaml.safe_load(work.read(name))))
        return place, name, yaml.safe_dump(value, allow_unicode=True).encode()
    if name.endswith(".json"):
        place, value = draw(json_mutation(name, work.json(name)))
        return place, name, json.dumps(value).encode()
    content = work.read(name)
    at = draw(st.integers(0, len(content) - 1))
    return name, name, content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


TABLES = ["predictions.parquet", "heads.parquet", "weights.parquet", "labels.parquet"]
OTHERS = ["splits/live-like.json", "splits/far.json", "train_log.jsonl"]
#: As often as there is something to claim in each.
FILES = ["run.json"] * 5 + ["metrics.json"] * 2 + ["config.yaml"] * 2 + TABLES + OTHERS


def published(found):
    """What a page may show of a bundle, but for the digest, which changes with every byte."""
    who = None if found.identity is None else {**vars(found.identity), "digest": ""}
    return found.trust, found.metrics, who


def harmless(place):
    return any(re.fullmatch(pattern, place) for pattern in HARMLESS)


def budget(examples):
    return settings(
        max_examples=examples,
        derandomize=True,
        phases=[Phase.generate],  # a mutation is one change, there is nothing to shrink
        database=None,
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )


@budget(240)
@given(data=st.data())
def test_a_forger_who_signs_again_changes_nothing_that_is_published(
    shared_work, verifier, honest, data
):
    work = shared_work
    place, name, content = data.draw(mutation(work))
    try:
        work.write(name, content)
        work.sign()
        found = verifier.verify(work.folder)
    finally:
        work.restore()
    assert not any("could not be checked to its end" in f.text for f in found.faults)
    if found.faults:
        return
    assert published(found) == published(honest), place
    assert harmless(place), f"{place} was changed and nobody noticed"


@budget(40)
@given(data=st.data())
def test_whoever_changes_a_file_without_signing_is_caught(shared_work, verifier, data):
    work = shared_work
    name = data.draw(st.sampled_from(work.files))
    content = bytearray(work.read(name))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    try:
        work.write(name, bytes(content))
        found = verifier.verify(work.folder)
    finally:
        work.restore()
    assert any(f.file == name and "changed after the run" in f.text for f in found.faults)


#: What a forger who also computes the run's id again gets away with, and what would find it.
FORGED = {
    r"backbone_sha256": "scoring again",
    r"plugins(/\d+(/.*)?)?": "nothing: which code was run is the submitter's word",
    r"environment/cliqa": "nothing",
}


@budget(60)
@given(data=st.data())
def test_a_forger_who_computes_the_run_id_again_gets_no_further(
    shared_work, verifier, honest, data
):
    work = shared_work
    record = work.json("run.json")
    keys = [
        "strategy",
        "config",
        "data",
        "gates",
        "plugins",
        "environment",
        "backbone_sha256",
        "seed",
        "tasks",
    ]
    place, value = data.draw(json_mutation("", {key: record[key] for key in keys}))
    forged = {key: v for key, v in {**record, **value}.items() if key in value or key not in keys}
    try:
        forged["run_id"] = run_id(forged)
    except (KeyError, TypeError, AttributeError):
        assume(False)
    try:
        work.write_json("run.json", forged)
        work.sign()
        found = verifier.verify(work.folder)
    finally:
        work.restore()
    if not found.faults:
        allowed = any(re.fullmatch(pattern, place[1:]) for pattern in FORGED)
        assert allowed or harmless(f"run.json{place}"), place


@pytest.mark.parametrize("name", TABLES)
def test_rows_may_come_in_any_order(work, verifier, honest, name):
    table = pq.read_table(io.BytesIO(work.read(name)))
    work.write(name, parquet(table.take(list(range(len(table)))[::-1])))
    work.sign()
    assert published(verifier.verify(work.folder)) == published(honest)


def test_a_file_that_is_missing_added_or_listed_twice_is_caught(work, verifier):
    for name in [n for n in work.files if not n.startswith("checkpoints/")]:
        (work.folder / name).unlink()
        work.sign()
        assert verifier.verify(work.folder).faults, f"{name} was removed and nobody noticed"
        work.restore()
    work.write("extra.json", b"{}")
    assert any("not listed" in f.text for f in verifier.verify(work.folder).faults)
    work.restore()
    sums = work.read("SHA256SUMS")
    work.write("SHA256SUMS", sums + sums.splitlines(keepends=True)[0])
    assert any("listed twice" in f.text for f in verifier.verify(work.folder).faults)

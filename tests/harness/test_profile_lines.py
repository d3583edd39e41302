"""Lines of keys in a TOML text, in every form that TOML has."""

import json
import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.profile_lines import Lines


def test_lines_are_found_in_every_form_that_toml_has():
    text = '''\
# comment = 1
a = 1
"quoted key" = 2
'lit.eral' = "x = [ { # not a comment"
b.c = [
  1, # ] not the end
  "]",
]
d = """
x = 1
[table]
\\""" still
"""
e = \'\'\'
y = 1\'\'\'
[t.u] # comment
k = { x = 1, y = { z = 2 } }
[[arr]]
n = 1
[[arr]]
n = 2
[arr.sub]
m = 1
[[arr.deep]]
o = 1
'''
    text += 'q = """a""""\n'
    text += "last.one = 1 # no line feed behind it"
    tomllib.loads(text)
    lines = Lines(text)
    places = [
        (("a",), 2),
        (("quoted key",), 3),
        (("lit.eral",), 4),
        (("b", "c"), 5),
        (("b",), 5),
        (("d",), 9),
        (("e",), 14),
        (("t",), 16),
        (("t", "u"), 16),
        (("t", "u", "k", "y", "z"), 17),
        (("arr",), 18),
        (("arr", 0, "n"), 19),
        (("arr", 1), 20),
        (("arr", 1, "n"), 21),
        (("arr", 1, "sub", "m"), 23),
        (("arr", 1, "deep", 0, "o"), 25),
        (("arr", 1, "deep", 0, "last", "one"), 27),
        (("nowhere",), 1),
        (("t", "missing"), 16),
    ]

    assert [(path, lines.of(path)) for path, _ in places] == places


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=12)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(TEXTS, st.integers(0, 3), TEXTS), max_size=8))
def test_lines_count_through_any_strings(entries):
    """Each key's line is known from how the text is put together, whatever stands in values."""
    text, wanted, line = "", {}, 1
    for number, (comment, form, value) in enumerate(entries):
        quoted = json.dumps(value).replace("\x7f", "\\u007f")
        long = '"""\n' + value.replace("\\", "\\\\").replace('"', '\\"') + '\n"""'
        literal = "'''" + value.replace("'", "") + "'''"
        written = [quoted, long, literal, f"[\n{quoted}, # {'x'}\n]"][form]
        key = f"k{number}"
        statement = f"# {comment!r}\n{key} = {written}\n"
        wanted[key] = line + 1
        text += statement
        line += statement.count("\n")
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # a control character that TOML does not allow
    lines = Lines(text)

    assert {key: lines.of((key,)) for key in wanted} == wanted

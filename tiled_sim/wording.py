"""How what is said of options is said of the parameters of the Python API."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

_on_command_line = False

#: Parameters that are not called as their option is, and what options without a value set.
_PARAMETERS = {
    "out": "path",
    "trace-pixel": "trace_pixels",
    "c-compat": "c_compat=True",
    "clip-to-beam": "clip_to_beam=True",
    "no-clip-to-beam": "clip_to_beam=False",
    "allow-upstream": "allow_upstream=True",
    "ignore-file-cell": "ignore_file_cell=True",
    "detach": "detach=True",
    "noise": "noise=Noise(…)",
    "diffuse-gamma": "Diffuse(gamma=…)",
    "diffuse-sigma": "Diffuse(sigma=…)",
    "bandwidth": "spectrum=Bandwidth(…)",
    "bandwidth-shape": "Bandwidth(shape=…)",
    "pulse-duration": "Bandwidth(duration=…)",
    "spectrum-seed": "Bandwidth(seed=…)",
    "spectrum-channels": "SpectrumFile(channels=…)",
    "tls": "tls=Tls(…)",
    "tls-ca": "Tls(ca=…)",
    "tls-cert": "Tls(certificate=…)",
    "tls-key": "Tls(key=…)",
}
_NUMBER = r"-?(?:\d[\d.]*(?:e[+-]?\d+)?|inf|nan)"
#: What follows an option as its value: numbers, a word in quotes or of those that options take, the
#: name of a file, or words in capitals that stand for it.
_VALUE = re.compile(
    rf"(?P<numbers>{_NUMBER}(?: {_NUMBER})*)(?=[\s,.;:)]|$)"
    r"|(?P<quoted>'[^']*'|\"[^\"]*\")"
    r"|(?P<word>(?:reference|compiled|spots|triton|mixed|float64|local|gpu|cuda|cpu)\b(?::\w+)?)"
    r"|(?P<file>[\w/~-]*\w(?:\.[\w/~-]+)+(?::\w+)?)"
    r"|(?P<stands>[A-Z]{2,}(?:\[?:[A-Z]+\]?)?(?: [A-Z]{2,})*)\b"
)
_OPTION = re.compile(r"(?<![\w-])--(?P<name>[a-z][a-z-]*[a-z])(?P<blank> ?)")
#: Commands, which are right wherever they are typed.
_COMMANDS = re.compile(r"(`[^`]*`)")


@contextmanager
def on_command_line() -> Iterator[None]:
    """While it lasts, messages in this process are read by whoever wrote a command."""
    global _on_command_line
    before, _on_command_line = _on_command_line, True
    try:
        yield
    finally:
        _on_command_line = before


def spoken(message: str) -> str:
    """A message for whoever reads it: of options, or from Python of parameters."""
    return message if _on_command_line else in_python(message)


def in_python(message: str) -> str:
    """A message with parameters in place of options; what stands in backticks is a command."""
    parts = _COMMANDS.split(message)
    return "".join(part if part[:1] == "`" else _without_options(part) for part in parts)


def _without_options(text: str) -> str:
    said, position = [], 0
    for option in _OPTION.finditer(text):
        name = option["name"]
        parameter = _PARAMETERS.get(name, name.replace("-", "_"))
        value = _VALUE.match(text, option.end()) if option["blank"] else None
        said += [text[position : option.start()], parameter]
        if value is None or "=" in parameter:
            said.append(option["blank"])
            position = option.end()
        else:
            said.append(f"={_spelt(value)}")
            position = value.end()
    return "".join([*said, text[position:]])


def _spelt(value: re.Match[str]) -> str:
    numbers = value["numbers"]
    if numbers and " " in numbers:
        return f"({numbers.replace(' ', ', ')})"
    return repr(value[0]) if value["word"] or value["file"] else value[0]

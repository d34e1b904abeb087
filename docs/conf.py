"""How the pages of this folder become a site: ``python -m sphinx -W docs build/site``.

The pages are Markdown as GitHub shows it; MyST reads them, autodoc adds what the docstrings say.
Links within are checked by the tests, those that lead elsewhere when somebody asks for it:
``python -m sphinx -b linkcheck docs build/links``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

from tiled_sim import __version__

project = "tiled_sim"
release = version = __version__
copyright = "the authors of tiled_sim"

extensions = ["myst_parser", "sphinx.ext.autodoc", "docstrings"]
exclude_patterns = ["extensions"]
nitpicky = True
smartquotes = False
nitpick_ignore_regex = [
    # other libraries, whose pages would have to be fetched, and what autodoc does not show of ours
    ("py:.*", r"(numpy|npt|np|xr|xarray|pandas|pathlib|collections|dask|torch|typing)\..*"),
    ("py:.*", r"matplotlib\..*"),
    ("py:.*", r"(Path|Any|DataArray|Simulator|StructureFactorTable)"),
    ("py:.*", r"tiled_sim\..*"),
]
# a name in single backticks is one of the code
default_role = "code"

myst_heading_anchors = 4
myst_enable_extensions = ["attrs_inline"]
# what is written in angle brackets or stands for more is no mistake of the language
suppress_warnings = ["misc.highlighting_failure"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_maximum_signature_line_length = 80

html_theme = "furo"
html_title = f"tiled_sim {release}"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#8a3ffc", "color-brand-content": "#6929c4"},
}

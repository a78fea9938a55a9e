"""MyST, Sphinx and d2l: directives are opened, resolved or dropped, in both languages."""

import pytest

from engine.documents import read_document
from engine.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home")


def blocks(tmp_path, settings, text, name="a.md"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    document = read_document(path, settings)
    return [(b.role, b.kind, b.text) for s in document.sections for b in s.blocks]


MYST = """# Loops

(sec_while)=
## While

:::{note}
A loop repeats.
:::

```{warning} Beware
:class: dropdown
It may never end.
```

```{code-block} python
:linenos:
while True:
    pass
```

```{math}
:label: eq_sum
s = \\sum_i x_i
```

```{figure} img/loop.png
:name: fig-loop
:width: 50%

The flow of a loop.
```

See {numref}`Figure %s <fig-loop>`, {ref}`sec_while`, {ref}`this part <x>` and {eq}`eq_sum`
by {cite:t}`knuth84`, often {cite:p}`knuth84`. Call {func}`range`, with {math}`n^2` steps, a {term}`loop`.

```{exercise} Count
:label: ex1
How often does it run?
```

```{solution} ex1
Ten times.
```

```{glossary}
loop
  What repeats.

step
  One run
  of a loop.
```

````{tab-set}
```{tab-item} Python
Use `while`.
```
```{tab-item} C
Use `do`.
```
````

```{toctree}
other
```
"""


def test_myst(tmp_path, settings):
    assert blocks(tmp_path, settings, MYST) == [
        ("prose", "prose", "A loop repeats."),
        ("warning", "prose", "Beware"),
        ("warning", "prose", "It may never end."),
        ("code", "code", "while True:\n    pass"),
        ("formula", "prose", "$$\ns = \\sum_i x_i\n$$"),
        ("caption", "prose", "The flow of a loop."),
        (
            "prose",
            "prose",
            "See the figure, “While”, this part and the equation by, often. Call range, with $n^2$"
            " steps, a loop.",
        ),
        ("exercise", "prose", "Count"),
        ("exercise", "prose", "How often does it run?"),
        ("solution", "prose", "Ten times."),
        ("definition", "prose", "loop: What repeats."),
        ("definition", "prose", "step: One run of a loop."),
        ("prose", "prose", "Use while."),
    ]


D2L = """# 线性回归
:label:`sec_linear`

如 :numref:`fig_house`所示，见 :numref:`sec_linear`与 :numref:`chap_other`。
该方法 :cite:`Smith.2001`很常用。

![房价与面积。](../img/house.svg)
:width:`400px`
:label:`fig_house`

$$y = wx + b$$
:eqlabel:`eq_linear`

由 :eqref:`eq_linear`可得结果。

:begin_tab:`mxnet`
MXNet 用 `gluon`。
:end_tab:

:begin_tab:`pytorch, tensorflow`
PyTorch 用 `nn`。
:end_tab:

```{.python .input}
#@tab mxnet
from mxnet import np
```

```{.python .input}
#@tab pytorch
import torch
```

```{.python .input}
#@tab tensorflow
import tensorflow as tf
```

```{.python .input}
#@tab all
x = 1
```

```{.python .input}
#@tab pytorch
net = torch.nn.Linear(2, 1)
```
"""


def test_d2l(tmp_path, settings):
    assert blocks(tmp_path, settings, D2L) == [
        (
            "prose",
            "prose",
            "如相应的图所示，见“线性回归”与相应章节。该方法很常用。",
        ),
        ("formula", "prose", "$$\ny = wx + b\n$$"),
        ("prose", "prose", "由相应的公式可得结果。"),
        ("prose", "prose", "PyTorch 用 nn。"),
        ("code", "code", "import torch"),
        ("code", "code", "x = 1"),
        ("code", "code", "net = torch.nn.Linear(2, 1)"),
    ]


def test_a_label_of_another_file_is_found(tmp_path, settings):
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "1.md").write_text("# Trees\n\nSee :numref:`sec_roots` for more.\n")
    (tmp_path / "book" / "2.md").write_text("# Roots\n:label:`sec_roots`\n\nRoots hold a tree.\n")
    document = read_document(tmp_path / "book", settings)
    assert document.sections[1].text == "See “Roots” for more." or "See “Roots” for more." in [
        s.text for s in document.sections
    ]


def test_what_only_looks_like_a_directive_stays(tmp_path, settings):
    text = "# A\n\nA dict: {a}, a set {b}, time 10:30:15 and C++'s std::map::iterator.\n\n```\n:label:`x` {note}\n```\n"
    assert blocks(tmp_path, settings, text) == [
        ("prose", "prose", "A dict: {a}, a set {b}, time 10:30:15 and C++'s std::map::iterator."),
        ("code", "code", ":label:`x` {note}"),
    ]


def test_a_directive_that_never_ends_loses_no_text(tmp_path, settings):
    assert ("prose", "prose", "It goes on.") in blocks(
        tmp_path, settings, "# A\n\n:::{note}\nIt goes on.\n\nAnd on.\n"
    )

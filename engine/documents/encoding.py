"""Bytes of unknown encoding to text: UTF-8, UTF-16, GB18030, Big5, Latin; never by guess alone."""

from __future__ import annotations

import re

from engine.errors import BadDocument

_SIMPLIFIED = set(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运"
)
_TRADITIONAL = set(
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心本前開但因只從想實日軍者意無力它與長把機十民第公此已工使情明性知全三又關點正業外將兩高間由問很最重並物手應戰向頭文體政美相見被利什二等產或新己制身果加西斯月話合回特代內信表化老給世位次度門任常先海通教兒原東聲提立及比員解水名真論處走義各入幾口認條平系氣題活爾更別打女變四神總何電數安少報才結反受目太量再感建務做接必場件計管期市直德資命山金指克許統區保至隊形社便空決治展馬科司五基眼書非則聽白卻界達光放強即像難且權思王象完設式色路記南品住告類求據程北邊死張該交規萬取拉格望覺術領共確傳師觀清今切院讓識候帶導爭運"
)
_LATIN_MARKS = "–—‘’“”…•·°±×÷€£§©®«»\xa0"
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\ufffe\uffff]")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_SAMPLE = 200_000
_META = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?\s*([\w-]{3,20})", re.IGNORECASE)


def decode(data: bytes, name: str) -> str:
    """The text of ``data``, with line feeds as line ends.

    Raises:
        BadDocument: ``empty`` (no bytes), ``binary`` (not text), ``encoding`` (text, but no known
            encoding fits).
    """
    if not data.strip():
        raise BadDocument(
            f"{name} is empty.", code="empty", next="Choose another file.", filename=name
        )
    text = _decoded(data, name)
    if len(_CONTROL.findall(text[:_SAMPLE])) > 0.005 * min(len(text), _SAMPLE) + 1:
        raise _binary(name)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _binary(name: str) -> BadDocument:
    return BadDocument(
        f"{name} is not a text file, nor of any other format that is read here.",
        code="binary",
        next="Use PDF, Markdown, TXT, DOCX, PPTX, EPUB, HTML or CNXML.",
        filename=name,
    )


def _decoded(data: bytes, name: str) -> str:
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return data.decode(encoding, "replace")
    if b"\0" in data[:_SAMPLE]:
        return _wide(data, name)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _declared(data) or _mostly(data, "utf-8") or _legacy(data, name)


def _mostly(data: bytes, encoding: str) -> str:
    """The text where all but a few characters fit: a damaged spot must not cost the book."""
    text = data.decode(encoding, "replace")
    lost = text.count("\ufffd")
    right = sum(not c.isascii() for c in text[:_SAMPLE]) - text[:_SAMPLE].count("\ufffd")
    return text if lost <= 0.002 * len(text) + 3 and right > 5 * lost else ""


def _wide(data: bytes, name: str) -> str:
    """UTF-16 without a byte order mark: the order in which nearly all characters are usual."""
    even = data[: len(data) // 2 * 2]
    best, share = "", 0.0
    for encoding in ("utf-16-le", "utf-16-be"):
        text = even.decode(encoding, "replace")
        sample = text[:_SAMPLE]
        usual = sum(c.isascii() and (c.isprintable() or c.isspace()) or c in _SIMPLIFIED
                    or c in _TRADITIONAL or 0x3000 <= ord(c) <= 0x303F or 0xFF00 <= ord(c) <= 0xFF5E
                    for c in sample)  # fmt: skip
        if usual > share * len(sample):
            best, share = text, usual / len(sample)
    if share < 0.5:
        raise _binary(name)
    return best


def _declared(data: bytes) -> str:
    """By the encoding that an HTML or XML file names, if it is true."""
    found = _META.search(data[:2048])
    if not found:
        return ""
    encoding = found[1].decode("ascii", "replace").lower()
    encoding = {"gb2312": "gb18030", "gbk": "gb18030", "iso-8859-1": "cp1252"}.get(
        encoding, encoding
    )
    try:
        return data.decode(encoding)
    except (LookupError, UnicodeDecodeError):
        return ""


def _legacy(data: bytes, name: str) -> str:
    """GB18030 or Big5 where the characters are the common ones of that script, else Latin."""
    ranked = []
    for encoding, common in (("gb18030", _SIMPLIFIED), ("big5hkscs", _TRADITIONAL)):
        text = _strict(data, encoding) or _mostly(data, encoding)
        han = _HAN.findall(text[:_SAMPLE])
        if han:
            ranked.append((sum(c in common for c in han) / len(han), text))
    if ranked and max(ranked)[0] >= 0.25:
        return max(ranked)[1]
    text = _strict(data, "cp1252") or data.decode("latin-1")
    sample = text[:_SAMPLE]
    foreign = [c for c in sample if not c.isascii()]
    known = sum(c.isalpha() or c in _LATIN_MARKS for c in foreign)
    if known > 0.8 * len(foreign) and len(foreign) < 0.3 * len(sample):
        return text
    return _guessed(data, name)


def _strict(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return ""


def _guessed(data: bytes, name: str) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(data[:_SAMPLE]).best()
    text = _strict(data, best.encoding) if best and best.chaos < 0.2 else ""
    if not text:
        raise BadDocument(
            f"The encoding of {name} is not known.",
            code="encoding",
            next="Save the file as UTF-8 and try again.",
            filename=name,
        )
    return text

from pathlib import Path

import pandas as pd
import streamlit as st

from engine import jobs as queue
from engine.serve.keys import key_names, new_key, remove_key
from engine.steps import EXPORT, SERVE
from engine.steps.publish import EXPORTS, ExportPlan, ServePlan
from engine.workspace import TRAINED
from pages.shared import session
from pages.shared.frame import go, heading, lacks
from pages.shared.i18n import _, error_text
from pages.shared.job_board import board
from pages.shared.literal import escaped

workspace = session.workspace()
course = workspace.course
stage = session.stages(course.id)["publish"]
heading(_("Publish"), _("How do people use it?"), stage)
if lacks(stage):
    st.stop()
store = session.store()
student = store.saved(course.id, TRAINED)
assert student is not None, "the screen opens once there is a student"
published = student.value.published
parity = published.parity
if parity:
    said = _(
        "The exported file answers like the trained model: {n} of {m} test prompts begin alike.",
        n=parity.agreeing,
        m=parity.prompts,
    )
    st.success(said, icon=":material/verified:")
else:
    why = escaped(error_text(published.withheld))
    st.info(
        _("No GGUF file: {why} The student answers through transformers.", why=why),
        icon=":material/info:",
    )
live = board(course.id, ("export",))
FORMATS = {
    "gguf": _("GGUF, 8 bits: for Ollama, llama.cpp, LM Studio, OpenVINO"),
    "merged": _("Merged weights: for transformers and vLLM"),
    "lora": _("LoRA adapter: small, needs the base model"),
}
if not parity:
    del FORMATS["gguf"]
form = st.radio(_("Format"), list(FORMATS), format_func=lambda name: FORMATS[name], key="format")
done = {row.name: row.value for row in store.all_saved(course.id, EXPORTS)}
if st.button(
    _("Exporting …") if live else _("Export"),
    type="primary" if form not in done else "secondary",
    disabled=live,
    icon=":material/ios_share:",
):
    queue.start(workspace, EXPORT, ExportPlan(format=form))
    st.rerun()
if done:
    st.subheader(_("Exported files"))
    rows = [
        {
            _("Format"): exported.format,
            _("File"): Path(file).name,
            _("Size in MB"): round(Path(file).stat().st_size / 2**20, 1),
            _("Folder"): exported.folder,
        }
        for exported in done.values()
        for file in exported.files
        if Path(file).exists()
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt=_("Exported files"))
    if "gguf" in done:
        st.markdown(f"**{_('Use it with Ollama')}**")
        st.code(
            f"cd {done['gguf'].folder}\n"
            f"ollama create {course.id} -f Modelfile\nollama run {course.id}",
            language="bash",
        )
st.subheader(_("Endpoint"))
st.caption(
    _("An OpenAI-compatible address on this machine: any client or learning platform can use it.")
)
serving = board(course.id, ("serve",))
with st.container(horizontal=True, vertical_alignment="bottom"):
    port = st.number_input(_("Port"), 1024, 65535, 8600, key="port", width=140)
    if st.button(_("Start the endpoint"), disabled=serving, icon=":material/dns:"):
        queue.start(workspace, SERVE, ServePlan(port=port))
        st.rerun()
    name = st.text_input(_("Name of a new key"), key="key-name", width=200)
    if st.button(_("Make a key"), disabled=not name.strip(), icon=":material/key:"):
        st.session_state["made-key"] = new_key(store, course.id, name.strip())
if key := st.session_state.pop("made-key", None):
    st.success(_("Copy this key now; it is shown only once."), icon=":material/key:")
    st.code(key, language=None)
for name in key_names(store, course.id):
    if st.button(_("Take back the key “{name}”", name=escaped(name)), key=f"drop-key-{name}"):
        remove_key(store, course.id, name)
        st.rerun()
st.code(
    f"""from openai import OpenAI

client = OpenAI(base_url="http://127.0.0.1:{port}/v1", api_key="cw-…")
stream = client.chat.completions.create(
    model="{course.id}", messages=[{{"role": "user", "content": "…"}}], stream=True
)
for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="")""",
    language="python",
)
if st.button(_("Try the tutor"), icon=":material/forum:"):
    go("learn/tutor.py")

"""Page set-up, language, course, navigation; the screens are in ``pages/``."""

import streamlit as st

from pages.shared import frame

st.set_page_config(page_title="Coursewright", page_icon=":material/school:", layout="wide")
frame.run()

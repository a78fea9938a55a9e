"""Streamlit as ``coursewright app`` starts it: ``python -m pages.shared.launch run app.py``.

Until app.py has run once, Streamlit looks an address up among the files in ``pages/`` and says that
there is no such page; our screens are declared by ``st.navigation``, so it shall not look there.
"""

from streamlit.runtime.pages_manager import PagesManager
from streamlit.web.cli import main

if __name__ == "__main__":
    PagesManager.uses_pages_directory = False
    main(prog_name="streamlit")

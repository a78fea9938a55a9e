"""Streamlit as ``coursewright app`` starts it: ``python -P -m pages.shared.launch PORT``.

All options are given on its command line, where they hold in every working folder; a checkout's
``.streamlit/config.toml`` says the same for ``streamlit run app.py`` (a test compares the two).

Until app.py has run once, Streamlit looks an address up among the files in ``pages/`` and says that
there is no such page; our screens are declared by ``st.navigation``, so it shall not look there.
"""

import sys
from pathlib import Path

APP = Path(__file__).resolve().parents[2] / "app.py"
"""The installed ``app.py``, beside this very package."""

_FONT = "Inter, 'Noto Sans', 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"

OPTIONS: dict[str, str | int | bool] = {
    "server.address": "127.0.0.1",
    "server.headless": True,
    "server.fileWatcherType": "none",
    "server.maxUploadSize": 200,
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "viewer",
    "client.showErrorDetails": "none",
    "runner.magicEnabled": False,
    "theme.font": _FONT,
    "theme.baseRadius": "0.6rem",
    "theme.primaryColor": "#2f6f5e",
    "theme.showWidgetBorder": True,
    "theme.light.backgroundColor": "#fdfdfb",
    "theme.light.secondaryBackgroundColor": "#f2f4f0",
    "theme.light.textColor": "#1d2a26",
    "theme.dark.primaryColor": "#6cc0a6",
    "theme.dark.backgroundColor": "#14201c",
    "theme.dark.secondaryBackgroundColor": "#1d2b26",
    "theme.dark.textColor": "#e8efec",
}
"""Streamlit's options by their names; sizes in MB."""


def arguments(port: int) -> list[str]:
    """Streamlit's command line: our app, our options, and where sign-in is configured.

    ``secrets.toml`` is read from ``.streamlit`` in the person's own folder, beside app.py and in
    the working folder (Coursewright's home), the later over the earlier.
    """
    flags = OPTIONS | {"server.port": port}
    given = [f"--{name}={str(v).lower() if v in (True, False) else v}" for name, v in flags.items()]
    places = (Path.home(), APP.parent, Path.cwd())
    secrets = [f"--secrets.files={place / '.streamlit/secrets.toml'}" for place in places]
    return ["run", str(APP), *given, *secrets]


def main() -> None:
    """Run the screens on the port that is named on the command line, until terminated."""
    from streamlit.runtime.pages_manager import PagesManager
    from streamlit.web.cli import main as streamlit

    PagesManager.uses_pages_directory = False
    streamlit(arguments(int(sys.argv[1])), prog_name="streamlit")


if __name__ == "__main__":
    main()

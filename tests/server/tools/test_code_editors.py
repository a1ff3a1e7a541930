"""Text gets into editors of code as it was written: Monaco and CodeMirror, as pages use them.

Both indent new lines, close brackets and quotes, and offer completions by themselves. Judged by
what the editor itself says that it holds.
"""

import functools
import json
import threading
from collections.abc import AsyncGenerator, Generator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from answers import call, facts
from desks import session_of
from fields import page_in_chromium
from mcp import Client
from npm import package

from gloveport.sandbox.desktop import Desktop, DesktopOptions, open_desktop
from gloveport.sandbox.x11.keymap import Keymap
from gloveport.server.mcp.server import DesktopServer

MONACO = """<div id=editor style="height: 300px"></div>
<script src="{site}/monaco-editor/min/vs/loader.js"></script><script>
  require.config({{paths: {{vs: "{site}/monaco-editor/min/vs"}}}});
  require(["vs/editor/editor.main"], () => {{
    const editor = monaco.editor.create(document.querySelector("#editor"),
      {{language: "javascript", ariaLabel: "Code"}});
    editor.onDidChangeModelContent(() => keep(editor.getValue()));
  }});
</script>"""
CODEMIRROR = """<div id=editor></div>
<script type=importmap>{modules}</script><script type=module>
  import {{EditorView, basicSetup}} from "codemirror";
  import {{javascript}} from "@codemirror/lang-javascript";
  new EditorView({{parent: document.querySelector("#editor"), extensions: [
    basicSetup, javascript(), EditorView.contentAttributes.of({{"aria-label": "Code"}}),
    EditorView.updateListener.of(now => now.docChanged && keep(now.state.doc.toString())),
  ]}});
</script>"""
_OWN = "autocomplete commands lang-javascript language lint search state streamparser view"
MODULES = {
    "codemirror": "codemirror/dist/index.js",
    **{f"@codemirror/{one}": f"@codemirror/{one}/dist/index.js" for one in _OWN.split()},
    **{
        f"@lezer/{one}": f"@lezer/{one}/dist/index.js"
        for one in ("common", "highlight", "javascript", "lr")
    },
    "style-mod": "style-mod/src/style-mod.js",
    "w3c-keyname": "w3c-keyname/index.js",
    "crelt": "crelt/index.js",
    "@marijn/find-cluster-break": "@marijn/find-cluster-break/src/index.js",
}
TEXTS = {
    "indented": "function f(a) {\n    if (a) {\n\treturn [\n  'x',\n  \"y\"\n];\n    }\n}\n\n// (x",
    "flat": "let a = 'b';\nlet c = (d);\nconst e = [1];\nfunction g() {}",
}


class _Files(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Generator[str]:
    """The packages of the editors, served."""
    files = functools.partial(_Files, directory=str(package("monaco-editor").parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), files) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()


@pytest.fixture(scope="module")
async def desktop(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory, keymap: Keymap
) -> AsyncGenerator[Desktop]:
    async with open_desktop(DesktopOptions(tmp_path_factory.mktemp("desk")), keymap) as running:
        yield running


@pytest.mark.parametrize("html", [MONACO, CODEMIRROR], ids=["monaco", "codemirror"])
async def test_code_is_in_the_editor_as_it_was_written(
    desktop: Desktop, site: str, tmp_path: Path, html: str
) -> None:
    modules = json.dumps({"imports": {name: f"{site}/{at}" for name, at in MODULES.items()}})
    whole = "<p>Page</p>" + html.format(site=site, modules=modules)
    with page_in_chromium(session_of(desktop), tmp_path, whole) as opened:
        async with Client(DesktopServer(desktop)) as client:
            waited = await call(client, "wait_for", event="enabled", text="Code", seconds=30)
            assert facts(waited)["happened"]
            for text in TEXTS.values():
                done = facts(await call(client, "type", text=text, into="Code"))
                assert opened.holds(text), opened.value()
                said = str(done["typed"]).partition(":")[0]
                assert said in ("verified", "unverified")  # CodeMirror is made of blocks
                done = facts(await call(client, "set", target="Code", value=f"{text} // set"))
                assert opened.holds(f"{text} // set"), opened.value()
                assert str(done["set"]).partition(":")[0] in ("verified", "unverified")
                await call(client, "key", text="ctrl+a")
                await call(client, "key", text="Delete")
                assert opened.holds("")

"""Widgets of Qt whose names are rich text or tool tips. names.py KIND FILE: pyqt5 or pyqt6."""

import importlib
import sys
from pathlib import Path

RICH = (
    '<html><head><meta name="qrichtext" content="1" /><style type="text/css">p { margin: 0 }'
    "</style></head><body><p>Fish &amp; <b>chips</b></p></body></html>"
)
TIP = "Play\nIf the playlist is empty, open a medium"


def main(version: str, path: Path) -> None:
    widgets = importlib.import_module(f"PyQt{version}.QtWidgets")
    core = importlib.import_module(f"PyQt{version}.QtCore")
    app = widgets.QApplication([])
    window = widgets.QWidget()
    layout = widgets.QVBoxLayout(window)
    layout.addWidget(widgets.QLabel(RICH))
    for name in (TIP, "a < b > c", "<unknown>", "Last"):
        button = widgets.QPushButton()
        button.setAccessibleName(name)
        layout.addWidget(button)
    window.setWindowTitle("names")
    window.show()
    core.QTimer.singleShot(200, lambda: path.write_text("shown"))
    (app.exec if version == "6" else app.exec_)()


if __name__ == "__main__":
    main(sys.argv[1][-1], Path(sys.argv[2]))

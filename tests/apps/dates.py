"""A window with a field for dates and times in each of some forms; what they hold is in a file.

dates.py KIND FILE, where KIND is pyqt5 or pyqt6. The file is a JSON object: by form, the date as
1999-12-31 and the time as 21:05, whichever of them the form has.
"""

import importlib
import json
import sys
from pathlib import Path

FORMS = (
    "d MMM yyyy", "dd. MMMM yyyy", "yyyy-MM-dd", "ddd d MMM yyyy", "M/d/yy", "HH:mm", "HH:mm:ss",
    "h:mm ap", "yyyy/MM/dd HH:mm", "d MMM yyyy h:mm AP",
)  # fmt: skip


def main(version: str, path: Path) -> None:
    core = importlib.import_module(f"PyQt{version}.QtCore")
    widgets = importlib.import_module(f"PyQt{version}.QtWidgets")
    app = widgets.QApplication([])
    window = widgets.QWidget()
    window.setWindowTitle("dates")
    form = widgets.QFormLayout(window)
    edits = {}
    for shown in FORMS:
        day, clock = core.QDate(2020, 1, 2), core.QTime(3, 4)
        has_day, has_clock = "y" in shown, "h" in shown.lower()
        if has_day and has_clock:
            edit = widgets.QDateTimeEdit(core.QDateTime(day, clock))
        else:
            edit = widgets.QDateEdit(day) if has_day else widgets.QTimeEdit(clock)
        edit.setDisplayFormat(shown)
        form.addRow(shown, edit)
        edits[shown] = edit

    def keep(*_: object) -> None:
        held = {
            shown: ([edit.date().toString("yyyy-MM-dd")] if "y" in shown else [])
            + ([edit.time().toString("HH:mm")] if "h" in shown.lower() else [])
            for shown, edit in edits.items()
        }
        new = path.with_suffix(".new")
        new.write_text(json.dumps(held), encoding="utf-8")
        new.rename(path)

    for edit in edits.values():
        edit.dateTimeChanged.connect(keep)
    window.show()
    keep()
    app.exec_() if version == "5" else app.exec()


main(sys.argv[1][-1], Path(sys.argv[2]))

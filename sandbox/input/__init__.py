"""Everything that acts on programs.

`driver` moves, clicks, types and pastes (`strokes`); `drag_and_drop` and `guarded_dialogs` wait
where programs are not ready, and `undelivered` says when input may not have arrived;
`authorization` says what the next input would touch, for the policy, and `accelerators` what a
shortcut does. `text_entry` and `form_values` fill fields in and read them back (`readback`,
`dates`), `menus` opens menus by path, and `viewer_input` is the input of a person who watches.
"""

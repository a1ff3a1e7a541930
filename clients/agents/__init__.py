"""The reference agent, for models of three vendors.

`loop` is an agent at work; `claude`, `openai` and `gemini` adapt the vendors' SDKs, `briefing`
is what each model is told, `prices` what it costs. `run` is the command, `progress` shows it in
the terminal, `recorder` and `report` keep it. Public: `run`.
"""

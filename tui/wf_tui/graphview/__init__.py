"""The step graph drawn on terminal cells: `FlowGraph` in, `Drawing` or text out; knows no Textual."""

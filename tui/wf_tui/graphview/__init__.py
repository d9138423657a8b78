"""The step graph drawn on a grid of terminal cells: `FlowGraph` in, `Drawing` or text out; knows no Textual."""

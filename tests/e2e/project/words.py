"""How a text is decorated: imported by the flow, to be edited while it runs."""


def decorate(text: str) -> str:
    return f"<{text}>"

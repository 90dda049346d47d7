"""What depends on Jupyter: where kernel and page are, and what cells and loops need.

- `environment`: the platform that the kernel runs on, such as Codespaces or a JupyterHub.
- `page`: the page that shows a widget, as it reported itself.
- `browser_address`: the addresses at which that page reaches a server, from both.
- `handler_output`: the cell in which a handler's prints appear.
- `nested_loops`: `asyncio.run()` inside a cell.
"""

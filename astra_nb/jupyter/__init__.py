"""Where kernel and page are, and what cells and loops of a notebook need."""

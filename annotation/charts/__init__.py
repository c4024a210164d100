"""Charts drawn by the server as SVG, each with the table that it is made from."""

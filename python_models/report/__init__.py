"""The report: one HTML file that opens offline. A section is a function of queries; ``page`` makes the file of them."""

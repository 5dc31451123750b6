"""What is claimed in numbers: each module prints one JSON object; `python -m benchmarks` runs them all.

Variants are compared within one run, in turns, by medians: the clock of a machine drifts within minutes.
"""

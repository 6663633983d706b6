"""Pages of HTML that need nothing but themselves: tables, charts and pictures in one file, for screen, phone and paper.

No request leaves such a file, which its Content-Security-Policy holds, and everything in it that is not written here is
escaped. In data-flow order: words (numbers as they are read), render (templates), svg, axes, charts, pictures, blocks
(of text, numbers and notes), overlays (of truth and prediction), tables, page.
"""

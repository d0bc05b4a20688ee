"""The page that shows what a data set looks like."""

"""Views of the report: charts as inline SVG. Places along x are percentages, so a chart fills its column and its text
keeps its size on a phone."""

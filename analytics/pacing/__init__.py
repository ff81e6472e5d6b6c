"""Where spend is heading and what holds it to its plan: soft limits, pacing, forecasts (pure)."""

"""What the model that investigates makes of a history's escalated transactions, on `ray.data.llm`."""

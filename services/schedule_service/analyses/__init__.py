"""The steps that the analysis of a text led to, who is at which text, and how many model calls are left.

Owns `analyses`, `analysis_claims` and `analysis_budget`. llm_analysis calls in. No events of its own.
"""

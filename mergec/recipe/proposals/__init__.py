"""Rename rules that line up the names of two checkpoints, proposed from names, shapes and dtypes alone."""

from mergec.recipe.proposals.families import Kind
from mergec.recipe.proposals.propose import Proposal, ProposedRule, Tie, propose_rules

__all__ = ["Kind", "Proposal", "ProposedRule", "Tie", "propose_rules"]

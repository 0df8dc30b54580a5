"""The intermediate representation that the stages share: types, graph, expressions, plan. Data only."""

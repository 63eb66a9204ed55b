#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes prices.txt out of the price data of genai-prices (data_slim.json; MIT, Pydantic Services Inc.).

  python3 runtime/trace/make-prices.py data_slim.json > runtime/trace/prices.txt

A line is PROVIDER PATTERN INPUT OUTPUT CACHED CACHE_WRITE, prices in US dollars per million tokens, "-" for one that is not told. A
pattern is a model's name with a star at its front or end for anything. Only what can be said so is taken: prices with steps count
with their first one, those of a time of day or a date with the last that has no such condition, models that are matched otherwise are
left out."""
import json
import sys

PROVIDERS = {"anthropic": "anthropic", "openai": "openai", "google": "google", "mistral": "mistral", "deepseek": "deepseek",
             "groq": "groq", "x-ai": "x-ai", "cohere": "cohere", "cerebras": "cerebras", "moonshotai": "moonshotai",
             "perplexity": "perplexity", "fireworks": "fireworks", "together": "together", "minimax": "minimax"}


def patterns(match):
    if "or" in match:
        return [pattern for one in match["or"] for pattern in patterns(one)]
    if "equals" in match:
        return [match["equals"]]
    if "starts_with" in match:
        return [match["starts_with"] + "*"]
    if "ends_with" in match:
        return ["*" + match["ends_with"]]
    if "contains" in match:
        return ["*" + match["contains"] + "*"]
    return []


def number(price):
    if isinstance(price, dict):
        price = price["base"]
    return "-" if price is None else f"{price:g}"


def price_of(prices):
    if isinstance(prices, list):
        plain = [entry for entry in prices if not entry.get("constraint")]
        prices = (plain or prices)[-1]["prices"]
    return [number(prices.get(name)) for name in ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        providers = json.load(file)
    lines = set()
    for provider in providers:
        for model in provider["models"] if provider["id"] in PROVIDERS else []:
            prices = price_of(model["prices"])
            for pattern in patterns(model["match"]):
                if prices[0] != "-" and " " not in pattern:
                    lines.add(" ".join([PROVIDERS[provider["id"]], pattern] + prices))
    print("# Made by make-prices.py out of genai-prices (MIT, Copyright (c) Pydantic Services Inc. 2025 to present).")
    print("# PROVIDER PATTERN INPUT OUTPUT CACHED CACHE_WRITE: US dollars per million tokens, - when it is not told.")
    print("\n".join(sorted(lines)))


main()

"""Random pseudonyms that people can say and remember. Pure."""

from __future__ import annotations

import secrets

_FIRST = (
    "amber ashen autumn bold brave brisk bright calm candid clear clever cobalt coral crisp curious daring deft early eager "
    "elder fair fleet frank gentle glad golden grand green hardy hazel honest humble indigo ivory jolly keen kind lively lucid "
    "lunar merry mild misty modest noble olive patient plain polite proud quick quiet rapid russet sage sandy scarlet serene "
    "sharp silent silver sincere slate solar steady still sturdy subtle sunny swift tidy trusty umber velvet vivid warm wise"
).split()
_SECOND = (
    "adder badger bat bear beaver bison bittern boar bunting buzzard caribou cat chough condor cormorant cougar crane crow "
    "curlew deer dipper dolphin dove duck eagle egret elk ermine falcon ferret finch fox frog gannet gecko goose grebe grouse "
    "gull hare hawk heron hoopoe ibex ibis jackal jay kestrel kite lark linnet lion lizard lynx magpie marten mole moose newt "
    "nightjar osprey otter owl panda pelican petrel pike plover puffin quail raven robin salmon seal shrew siskin snipe sparrow "
    "stoat stork swan swift tern thrush tiger toad trout turtle vole walrus wasp weasel whale wolf wren yak zebra"
).split()


def pseudonym() -> str:
    """Two words and four random digits of base 32, such as `quiet-heron-7k2q`: drawn, never derived from the person."""
    tail = "".join(secrets.choice("23456789abcdefghjkmnpqrstvwxyz") for _ in range(4))
    return f"{secrets.choice(_FIRST)}-{secrets.choice(_SECOND)}-{tail}"

"""How a knowledge point is asked for: three wordings to train on and two kept out.

``{x}`` is the subject: a term, a clause or an introduction taken from the book. The held-out
wordings share no template with the trained ones, so a right answer to them is not a matched form.
"""

from __future__ import annotations

from engine.schema import Language

Wordings = tuple[tuple[str, str, str], tuple[str, str]]

WORDINGS: dict[Language, dict[str, Wordings]] = {
    "en": {
        "term": (
            ("What is {x}?", "Define {x}.", "What does {x} mean in this course?"),
            ("How would you describe {x}?", "Can you explain to me the meaning of {x}?"),
        ),
        "terms": (
            ("What are {x}?", "Define {x}.", "What are {x} in this course?"),
            ("How would you describe {x}?", "Can you explain to me the meaning of {x}?"),
        ),
        "why": (
            ("Explain why {x}.", "Why is it that {x}?", "What is the reason that {x}?"),
            ("How come {x}?", "The book says that {x}. What reason does it give?"),
        ),
        "reason": (
            (
                "What is the reason {x}?",
                "What reason does the book give {x}?",
                "Name the reason {x}.",
            ),
            ("Which cause is given {x}?", "Please tell me the cause {x}."),
        ),
        "how": (
            ("How do you {x}?", "What do you do to {x}?", "Explain how to {x}."),
            ("What is the way to {x}?", "I want to {x}. How can I do it?"),
        ),
        "if": (
            ("What happens if {x}?", "What is the case if {x}?", "Explain what follows if {x}."),
            ("Suppose that {x}. What then?", "What should I expect if {x}?"),
        ),
        "when": (
            (
                "What happens when {x}?",
                "What is the case when {x}?",
                "Explain what follows when {x}.",
            ),
            ("Think of the moment when {x}. What then?", "What should I expect when {x}?"),
        ),
        "does": (
            ("What does {x} do?", "What is the effect of {x}?", "Explain what {x} does."),
            ("What is {x} good for?", "Can you tell me the job of {x}?"),
        ),
        "difference": (
            (
                "What is the difference between {x}?",
                "Compare {x}.",
                "What distinguishes {x}?",
            ),
            ("What sets apart {x}?", "Can you contrast {x} for me?"),
        ),
        "list": (
            (
                "What does the book list here: “{x}”?",
                "Complete the list: {x}",
                "Name the items: {x}",
            ),
            ("Which points belong to this: “{x}”?", "Can you enumerate what comes after “{x}”?"),
        ),
        "summary": (
            (
                "What is the section “{x}” about?",
                "Summarise the section “{x}”.",
                "What is the main idea of “{x}”?",
            ),
            ("What does one learn in the part on “{x}”?", "Can you sum up “{x}” in brief?"),
        ),
        "role": (
            (
                "What can be said about {x}?",
                "State a fact about {x}.",
                "What should one know about {x}?",
            ),
            ("What holds for {x}?", "Can you tell me something about {x}?"),
        ),
    },
    "zh": {
        "term": (
            ("什么是{x}？", "请解释{x}的含义。", "{x}是什么意思？"),
            ("如何描述{x}？", "能告诉我{x}指的是什么吗？"),
        ),
        "terms": (
            ("什么是{x}？", "请解释{x}的含义。", "{x}是什么意思？"),
            ("如何描述{x}？", "能告诉我{x}指的是什么吗？"),
        ),
        "why": (
            ("为什么{x}？", "请解释为什么{x}。", "“{x}”的原因是什么？"),
            ("何以{x}？", "书中说{x}，理由何在？"),
        ),
        "reason": (
            ("{x}的原因是什么？", "为什么会有{x}？", "请说明{x}的原因。"),
            ("{x}是由什么造成的？", "能告诉我{x}的缘由吗？"),
        ),
        "how": (
            ("如何{x}？", "怎样才能{x}？", "请说明如何{x}。"),
            ("{x}的办法是什么？", "我想{x}，该怎么做？"),
        ),
        "if": (
            ("如果{x}，会怎样？", "若{x}，结果如何？", "请说明如果{x}会发生什么。"),
            ("假设{x}，那么呢？", "倘若{x}，应当预期什么？"),
        ),
        "when": (
            ("当{x}时，会怎样？", "在{x}时会发生什么？", "请说明当{x}时的情况。"),
            ("一旦{x}，情况如何？", "遇到{x}的时候应当预期什么？"),
        ),
        "does": (
            ("{x}有什么作用？", "{x}用来做什么？", "请说明{x}的作用。"),
            ("{x}的用途何在？", "能告诉我{x}负责什么吗？"),
        ),
        "difference": (
            ("{x}有什么区别？", "请比较{x}。", "{x}的不同之处是什么？"),
            ("怎样区分{x}？", "能为我对照一下{x}吗？"),
        ),
        "list": (
            ("书中在此列出了什么：“{x}”？", "请列举：{x}", "请写出各项：{x}"),
            ("“{x}”之下包括哪些要点？", "能逐条说出“{x}”的内容吗？"),
        ),
        "summary": (
            ("“{x}”一节讲了什么？", "请概括“{x}”一节。", "“{x}”的要点是什么？"),
            ("学完“{x}”能了解什么？", "能简要总结“{x}”吗？"),
        ),
        "role": (
            ("关于{x}，书中说了什么？", "请陈述{x}的一个事实。", "关于{x}应当知道什么？"),
            ("{x}有什么特点？", "能说说{x}吗？"),
        ),
    },
}


def ask_for(form: str, subject: str, language: Language) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Trained and held-out questions of a form for a subject."""
    trained, held_out = WORDINGS[language][form]
    return (
        tuple(template.format(x=subject) for template in trained),
        tuple(template.format(x=subject) for template in held_out),
    )

"""What the tutor says in its own voice, in the language of the course."""

from __future__ import annotations

from engine.schema import Language

TEXTS: dict[Language, dict[str, str]] = {
    "en": {
        "where": "Look at {place}. What does it say about {focus}? "
        "Write what you find, or ask for another hint.",
        "place": "“{title}”{page}",
        "page": ", page {n}",
        "gaps": "Another hint: fill the gaps. “{quote}”",
        "answer": "Here is the answer.",
        "right": "Yes, that is right.",
        "partly": "You have part of it.",
        "not_yet": "Not yet.",
        "says": "The book says: “{quote}”",
        "before": "Before I answer, a question for you.",
        "together": "Now put it together and answer your own question: {question}",
        "book": "This is how I would put it.",
        "weak": "You were not yet firm on “{concept}”, which this needs: see “{title}”.",
        "definition": "What it is.",
        "cause": "Why.",
        "comparison": "Against what.",
        "procedure": "How it is done.",
        "enumeration": "What belongs to it.",
        "elsewhere": "From {place}.",
    },
    "zh": {
        "where": "请看{place}。关于{focus}，书中是怎么说的？写下你的发现，或再要一个提示。",
        "place": "“{title}”{page}",
        "page": "（第 {n} 页）",
        "gaps": "再给一个提示，请填空：“{quote}”",
        "answer": "答案如下。",
        "right": "对，正是这样。",
        "partly": "你说对了一部分。",
        "not_yet": "还不对。",
        "says": "书中说：“{quote}”",
        "before": "在回答之前，先问你一个问题。",
        "together": "现在把它们合起来，回答你自己的问题：{question}",
        "book": "我会这样回答。",
        "weak": "这里要用到“{concept}”，你对它还不够熟练，请看“{title}”。",
        "definition": "它是什么。",
        "cause": "为什么。",
        "comparison": "与什么相对。",
        "procedure": "怎样做。",
        "enumeration": "包括什么。",
        "elsewhere": "见{place}。",
    },
}

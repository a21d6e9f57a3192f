"""Services of others that speak JSON over HTTP: asking them, politely and for as long as it makes sense, and taking
nothing for an answer that is not whole and not what was asked for.

    client        one service: its address, its credential, its pace; a question in, checked JSON or one error out
    pace          how often a service may be asked, over all threads
    complaints    what went wrong, as one error each
"""

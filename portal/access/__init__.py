"""The one question that every door asks: may this person do this with this release?"""

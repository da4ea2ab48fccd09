"""The form of papers: layouts of Decree 30/2020/NĐ-CP, the words of dates, document numbers."""

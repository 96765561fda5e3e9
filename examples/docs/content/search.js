// The search: all words have to be found; those in titles count most, then those in headings and names of members.
(() => {
    const root = document.body.dataset.root;
    const dialog = document.querySelector("dialog");
    const box = dialog.querySelector("input");
    const list = dialog.querySelector("ul");
    const empty = dialog.querySelector(".empty");

    const fold = text => text.toLowerCase();

    const pages = (window.siteIndex ?? []).map(page => ({
        ...page,
        heads: page.headings.map(fold),
        folded: { title: fold(page.title), text: fold(page.text) },
    }));

    const score = (page, word) =>
        page.folded.title === word ? 16
            : page.folded.title.includes(word) ? 8
                : page.heads.includes(word) ? 6
                    : page.heads.some(head => head.includes(word)) ? 4
                        : page.folded.text.includes(word) ? 1 : 0;

    const find = words =>
        pages
            .map(page => ({ page, scores: words.map(word => score(page, word)) }))
            .filter(found => found.scores.every(value => value > 0))
            .map(found => ({ ...found, total: found.scores.reduce((a, b) => a + b, 0) }))
            .sort((a, b) => b.total - a.total || a.page.url.length - b.page.url.length)
            .slice(0, 20);

    const show = () => {
        const words = fold(box.value).split(/\s+/).filter(word => word !== "");
        const found = words.length === 0 ? [] : find(words);
        empty.textContent = words.length === 0 ? "Type something to start searching." : "Nothing was found.";
        empty.style.display = found.length === 0 ? "block" : "none";

        list.replaceChildren(...found.map(({ page }) => {
            const item = document.createElement("li");
            const link = document.createElement("a");
            const place = document.createElement("span");
            const member = page.headings.find(head => words.every(word => fold(head).includes(word)));
            link.href = root + page.url;
            link.textContent = page.title;
            place.className = "place";
            place.textContent = member ?? "";
            link.append(place);
            item.append(link);
            return item;
        }));
    };

    const open = () => {
        dialog.showModal();
        box.value = "";
        show();
        box.focus();
    };

    document.querySelector("#search-btn").addEventListener("click", open);
    box.addEventListener("input", show);
    dialog.addEventListener("click", event => event.target === dialog && dialog.close());

    box.addEventListener("keydown", event => {
        const first = list.querySelector("a");

        if (event.key === "Enter" && first) {
            location.href = first.href;
        }
    });

    window.addEventListener("keydown", event => {
        const typing = ["INPUT", "TEXTAREA"].includes(document.activeElement?.tagName);

        if (!dialog.open && ((event.key === "/" && !typing) || (event.key === "k" && (event.ctrlKey || event.metaKey)))) {
            event.preventDefault();
            open();
        }
    });
})();

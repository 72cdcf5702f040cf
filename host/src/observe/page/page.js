// Puts the state of the run into the page each second. The server has written the same texts into the page before.
"use strict";

const phase = document.getElementById("phase");
const PAUSE_MS = 2000;

function setText(element, text) {
    if (element && element.textContent !== text) {
        element.textContent = text;
    }
}

function showTable(table) {
    const section = document.getElementById(table.id);
    if (!section) {
        return;
    }
    section.hidden = table.rows.length === 0;
    const rows = table.rows.map((cells) => {
        const row = document.createElement("tr");
        row.append(...cells.map((text) => {
            const cell = document.createElement("td");
            cell.textContent = text;
            return cell;
        }));
        return row;
    });
    section.querySelector("tbody").replaceChildren(...rows);
}

function showChart(chart) {
    const figure = document.getElementById(chart.id);
    if (figure) {
        setText(figure.querySelector("span"), chart.top);
        figure.querySelector("polyline").setAttribute("points", chart.points);
    }
}

function show(state) {
    if (state.run !== phase.dataset.run) {
        // The process was started again.
        location.reload();
        return;
    }
    phase.className = state.phase;
    setText(phase, state.message);
    state.figures.forEach((figure) => setText(document.getElementById(figure.id), figure.value));
    state.charts.forEach(showChart);
    state.tables.forEach(showTable);
}

function isOver() {
    return ["ended", "failed"].includes(phase.className);
}

function showLost(since) {
    if (!isOver()) {
        phase.className = "lost";
        setText(phase, `No answer since ${since.toLocaleTimeString()}: the page shows the state of that time.`);
    }
}

function pause() {
    return new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}

async function follow() {
    let last = new Date();
    for (;;) {
        try {
            const response = await fetch("state.json?wait", { cache: "no-store" });
            if (!response.ok) {
                throw new Error(response.statusText);
            }
            show(await response.json());
            last = new Date();
            if (isOver()) {
                await pause();
            }
        } catch {
            showLost(last);
            await pause();
        }
    }
}

follow();

// Starts the language server of the compiler, and starts it again when it is told to.
"use strict";

const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

async function start() {
    const command = vscode.workspace.getConfiguration("chor").get("server.path", "chor");
    client = new LanguageClient("chor", "chor", { command, args: ["lsp"] }, { documentSelector: [{ language: "chor" }] });
    try {
        await client.start();
    } catch {
        // Why, the client has said.
        client = undefined;
        const settings = "Open the settings";
        const message = `\`${command} lsp\` does not start. Install the compiler by \`cargo install --path compiler\` in a clone of Accompanist, or say where it is in \`chor.server.path\`.`;
        if ((await vscode.window.showErrorMessage(message, settings)) === settings) {
            await vscode.commands.executeCommand("workbench.action.openSettings", "chor.server.path");
        }
    }
}

async function stop() {
    const running = client;
    client = undefined;
    await running?.stop();
}

async function restart() {
    await stop();
    await start();
}

exports.activate = async (context) => {
    context.subscriptions.push(
        vscode.commands.registerCommand("chor.restart", restart),
        vscode.workspace.onDidChangeConfiguration((event) => event.affectsConfiguration("chor.server.path") && restart()),
    );
    // Not waited for: whoever has no compiler can still restart, once there is one.
    start();
};

exports.deactivate = stop;

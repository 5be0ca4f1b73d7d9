/* The one connection of this page. */
import { setting } from "./dom.js";
import { LiveConnection, liveAddress } from "./socket.js";

let connection = null;

export const live = () => {
  connection ??= new LiveConnection({ url: liveAddress(setting("liveUrl"), setting("livePort")) });
  return connection;
};

addEventListener("pagehide", () => connection?.close());

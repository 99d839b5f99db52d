// Runs the exported version that lies in the folder version/ with ONNX Runtime Web.

const byId = (id) => document.getElementById(id);
ort.env.wasm.wasmPaths = new URL("node_modules/onnxruntime-web/dist/", location.href).href;
ort.env.wasm.numThreads = 1; // more need a server that sends cross-origin isolation headers

async function load() {
  const facts = await (await fetch("version/classifier.json")).json();
  const session = await ort.InferenceSession.create("version/model.onnx");
  for (const { label, png } of facts.examples) {
    const picture = new Image();
    picture.src = `data:image/png;base64,${png}`;
    picture.alt = label;
    const button = document.createElement("button");
    button.append(picture);
    button.onclick = () => classify(session, facts, picture);
    byId("examples").append(button);
  }
  byId("file").onchange = async (event) => {
    const [file] = event.target.files;
    try {
      if (file) await classify(session, facts, await createImageBitmap(file));
    } catch {
      byId("answer").textContent = `${file.name} is not an image that this browser reads`;
    }
  };
  byId("answer").textContent = "Choose an image or an example";
}

// The picture as the model wants it: grey, light on dark, its proportions kept, centred on black.
function rawPixels(picture, [height, width]) {
  const scale = Math.min(height / picture.height, width / picture.width);
  const [w, h] = [picture.width * scale, picture.height * scale];
  const canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext("2d");
  const inside = { left: Math.round((width - w) / 2), top: Math.round((height - h) / 2) };
  pen.fillStyle = "white"; // behind transparent pictures
  pen.fillRect(inside.left, inside.top, w, h);
  pen.drawImage(picture, inside.left, inside.top, w, h);
  const { data } = pen.getImageData(0, 0, width, height);
  const grey = new Uint8Array(height * width);
  const border = [];
  const isInside = (x, y) =>
    x >= inside.left && x < inside.left + Math.round(w) && y >= inside.top && y < inside.top + Math.round(h);
  const isEdge = (x, y) =>
    !isInside(x - 1, y) || !isInside(x + 1, y) || !isInside(x, y - 1) || !isInside(x, y + 1);
  for (let i = 0; i < grey.length; i++) {
    grey[i] = Math.round(0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]);
    const [x, y] = [i % width, Math.floor(i / width)];
    if (isInside(x, y) && isEdge(x, y)) border.push(grey[i]);
  }
  border.sort((a, b) => a - b);
  if (border[border.length >> 1] > 127) {
    for (let i = 0; i < grey.length; i++) {
      if (isInside(i % width, Math.floor(i / width))) grey[i] = 255 - grey[i];
    }
  }
  return grey;
}

async function classify(session, facts, picture) {
  const [height, width] = facts.image_shape;
  const pixels = rawPixels(picture, facts.image_shape);
  const input = new ort.Tensor("uint8", pixels, [1, height, width]);
  const { probabilities, heatmap } = await session.run({ [session.inputNames[0]]: input });
  const softened = [...probabilities.data].map((p) => p ** (1 / facts.temperature));
  const sum = softened.reduce((a, b) => a + b);
  const ranked = facts.labels
    .map((label, i) => [label, softened[i] / sum])
    .sort((a, b) => b[1] - a[1]);
  byId("answer").textContent = `${ranked[0][0]}, ${(100 * ranked[0][1]).toFixed(1)} % confident`;
  byId("bars").innerHTML = ranked
    .map(([label, share]) => `<tr><td>${label}<td><meter value="${share}"></meter>`)
    .join("");
  paint(byId("image"), pixels, width, height, 1);
  const [, mapHeight, mapWidth] = heatmap.dims;
  paint(byId("heatmap"), heatmap.data, mapWidth, mapHeight, 255 / Math.max(...heatmap.data, 1e-12));
}

function paint(canvas, values, width, height, scale) {
  [canvas.width, canvas.height] = [width, height];
  const image = new ImageData(width, height);
  values.forEach((value, i) => image.data.set([value * scale, value * scale, value * scale, 255], 4 * i));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

load().catch((error) => {
  byId("answer").textContent = `The model could not be loaded: ${error.message}`;
});
